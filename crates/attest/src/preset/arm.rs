//! The ids of Azure Resource Manager: `/subscriptions/GUID/resourceGroups/NAME/providers/NAMESPACE/TYPE/NAME`.
//!
//! They are compared without regard to case there, and so are kept in lower case here; and they are taken apart, never
//! searched for a part that anybody may have in a name.

/// An id in lower case, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArmId {
    /// The whole id.
    pub(crate) id: String,
    /// A GUID.
    pub(crate) subscription: String,
    pub(crate) resource_group: String,
    /// Namespace and types, such as `microsoft.compute/virtualmachines`.
    pub(crate) kind: String,
    /// The name, and those of what it is in: `scaleset/0`.
    pub(crate) name: String,
}

/// The longest id, in bytes.
const MAX_ID: usize = 1024;

impl ArmId {
    /// Reads an id of something in a resource group; `None` of anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_ID || !text.is_ascii() {
            return None;
        }
        let id = text.to_ascii_lowercase();
        let parts: Vec<&str> = id.strip_prefix('/')?.split('/').collect();
        let ["subscriptions", subscription, "resourcegroups", group, "providers", namespace, rest @ ..] =
            parts.as_slice()
        else {
            return None;
        };
        // After the namespace, types and names take turns.
        let named = !rest.is_empty() && rest.len() % 2 == 0 && rest.len() <= 8;
        let parts_fit = rest.iter().chain([group, namespace]).all(|part| is_name(part));
        if !named || !parts_fit || !is_guid(subscription) {
            return None;
        }
        let every_second =
            |from: usize| rest.iter().skip(from).step_by(2).copied().collect::<Vec<_>>().join("/");
        Some(Self {
            subscription: (*subscription).to_owned(),
            resource_group: (*group).to_owned(),
            kind: format!("{namespace}/{}", every_second(0)),
            name: every_second(1),
            id,
        })
    }
}

fn is_name(part: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.()".contains(&b);
    !part.is_empty() && part.len() <= 260 && part.bytes().all(fine) && part != "." && part != ".."
}

/// A GUID in lower case.
pub(crate) fn is_guid(text: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(at, b)| if matches!(at, 8 | 13 | 18 | 23) { b == b'-' } else { digit(b) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VM: &str = "/subscriptions/1b2c3d4e-0000-1111-2222-333344445555/resourcegroups/Agents/providers/Microsoft.Compute/virtualMachines/planner-1";

    #[test]
    fn d07_an_id_is_taken_apart_and_never_searched() {
        let vm = ArmId::parse(VM).unwrap();
        assert_eq!(vm.kind, "microsoft.compute/virtualmachines");
        assert_eq!((vm.resource_group.as_str(), vm.name.as_str()), ("agents", "planner-1"));
        assert_eq!(ArmId::parse(&VM.to_uppercase().replace("/SUBS", "/Subs")), Some(vm), "case says nothing");
        let set = VM.replace("virtualMachines/planner-1", "virtualMachineScaleSets/set/virtualMachines/0");
        assert_eq!(ArmId::parse(&set).unwrap().name, "set/0");
        let group = "/subscriptions/1b2c3d4e-0000-1111-2222-333344445555";
        for bad in [
            "".to_owned(),
            VM[1..].to_owned(),
            format!("{VM}/"),
            format!("{VM}/extra"),
            VM.replace("planner-1", ""),
            VM.replace("planner-1", "a/b"),
            VM.replace("planner-1", ".."),
            VM.replace("planner-1", "a b"),
            VM.replace("1b2c", "zzzz"),
            VM.replace("Agents", "a%2Fb"),
            VM.replace("/providers/", "//providers/"),
            format!("/x{VM}"),
            group.to_owned(),
            // A group with the name of a machine's id in it is no machine.
            format!("{group}/resourcegroups/x{}", "/providers/Microsoft.Compute/virtualMachines"),
        ] {
            assert_eq!(ArmId::parse(&bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_again_alike(noise in ".{0,40}", name in "[A-Za-z0-9._()/-]{0,30}") {
            for text in [noise.clone(), format!("{VM}{noise}"), VM.replace("planner-1", &name), VM.replace("Agents", &name)] {
                if let Some(id) = ArmId::parse(&text) {
                    prop_assert_eq!(ArmId::parse(&id.id), Some(id.clone()));
                    prop_assert!(!id.name.split('/').any(str::is_empty));
                    prop_assert_eq!(id.id.matches('/').count(), text.matches('/').count());
                }
            }
        }
    }
}
