//! The regions of AWS and the hosts of their STS. A host that is not in this table is asked nothing
//! (CVE-2025-49827: there, a caller could name the host that was to vouch for it).

/// A region and what follows from it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// Its name, as it stands in the scope of credentials.
    pub(crate) name: &'static str,
    /// The partition, as it stands in ARNs.
    pub(crate) partition: &'static str,
}

const fn aws(name: &'static str) -> Region {
    Region { name, partition: "aws" }
}

const REGIONS: [Region; 39] = [
    aws("af-south-1"),
    aws("ap-east-1"),
    aws("ap-east-2"),
    aws("ap-northeast-1"),
    aws("ap-northeast-2"),
    aws("ap-northeast-3"),
    aws("ap-south-1"),
    aws("ap-south-2"),
    aws("ap-southeast-1"),
    aws("ap-southeast-2"),
    aws("ap-southeast-3"),
    aws("ap-southeast-4"),
    aws("ap-southeast-5"),
    aws("ap-southeast-6"),
    aws("ap-southeast-7"),
    aws("ca-central-1"),
    aws("ca-west-1"),
    aws("eu-central-1"),
    aws("eu-central-2"),
    aws("eu-north-1"),
    aws("eu-south-1"),
    aws("eu-south-2"),
    aws("eu-west-1"),
    aws("eu-west-2"),
    aws("eu-west-3"),
    aws("il-central-1"),
    aws("me-central-1"),
    aws("me-south-1"),
    aws("mx-central-1"),
    aws("sa-east-1"),
    aws("us-east-1"),
    aws("us-east-2"),
    aws("us-west-1"),
    aws("us-west-2"),
    Region { name: "cn-north-1", partition: "aws-cn" },
    Region { name: "cn-northwest-1", partition: "aws-cn" },
    Region { name: "us-gov-east-1", partition: "aws-us-gov" },
    Region { name: "us-gov-west-1", partition: "aws-us-gov" },
    Region { name: "eusc-de-east-1", partition: "aws-eusc" },
];

impl Region {
    /// The region of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        const { &REGIONS }.iter().find(|r| r.name == name)
    }

    /// The region whose STS has this host, byte for byte. The global one stands in `us-east-1`.
    pub(crate) fn of_sts(host: &str) -> Option<&'static Self> {
        if host == "sts.amazonaws.com" {
            return Self::named("us-east-1");
        }
        let (name, _) = host.strip_prefix("sts.")?.split_once('.')?;
        Self::named(name).filter(|region| region.sts() == host)
    }

    /// The host of its STS.
    pub(crate) fn sts(&self) -> String {
        let domain = match self.partition {
            "aws-cn" => "amazonaws.com.cn",
            "aws-eusc" => "amazonaws.eu",
            _ => "amazonaws.com",
        };
        format!("sts.{}.{domain}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2025_49827_only_hosts_of_the_table_are_sts() {
        for (host, region) in [
            ("sts.amazonaws.com", "us-east-1"),
            ("sts.eu-west-1.amazonaws.com", "eu-west-1"),
            ("sts.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("sts.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ] {
            assert_eq!(Region::of_sts(host).unwrap().name, region);
        }
        for odd in [
            "sts.evil.example",
            "sts.eu-west-1.amazonaws.com.evil.example",
            "sts.eu-west-1.amazonaws.com.cn",
            "sts.eu-west-1.amazonaws.com.",
            "sts.evil.example/sts.eu-west-1.amazonaws.com",
            "STS.eu-west-1.amazonaws.com",
            "sts.eu-west-9.amazonaws.com",
            "sts..amazonaws.com",
            "eu-west-1.amazonaws.com",
            "sts.eu-west-1.amazonaws.com:8443",
            "sts.amazonaws.com.cn",
            "",
        ] {
            assert_eq!(Region::of_sts(odd), None, "{odd}");
        }
    }
}
