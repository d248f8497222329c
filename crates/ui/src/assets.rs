//! Style sheet, script and seal: in the binary, and addressed by their content, so that they may be cached for
//! ever and never be stale.

/// A file that pages refer to.
#[derive(Debug)]
pub struct Asset {
    name: &'static str,
    extension: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub body: &'static str,
    hash: u64,
}

impl Asset {
    const fn new(
        name: &'static str,
        extension: &'static str,
        media_type: &'static str,
        body: &'static str,
    ) -> Self {
        Self { name, extension, media_type, body, hash: fnv1a(body.as_bytes()) }
    }

    /// Its path below the issuer, with the hash of its content: `/assets/prokura.0123456789abcdef.css`.
    pub fn path(&self) -> String {
        format!("/assets/{}.{:016x}.{}", self.name, self.hash, self.extension)
    }
}

/// The style sheet.
pub static STYLE: Asset =
    Asset::new("prokura", "css", "text/css; charset=utf-8", include_str!("../assets/prokura.css"));
/// The script: passkeys, and times in the reader's own zone. Pages work without it.
pub static SCRIPT: Asset =
    Asset::new("prokura", "js", "text/javascript; charset=utf-8", include_str!("../assets/prokura.js"));
/// The seal.
pub static SEAL: Asset = Asset::new("seal", "svg", "image/svg+xml", include_str!("../assets/seal.svg"));

/// The asset at `path` (below the issuer), if the content still has that hash.
pub fn asset(path: &str) -> Option<&'static Asset> {
    [&STYLE, &SCRIPT, &SEAL].into_iter().find(|a| a.path() == path)
}

/// FNV-1a. It tells versions of our own files apart; nothing hostile is hashed.
const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x100_0000_01b3);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_by_its_content_only() {
        let path = STYLE.path();
        assert_eq!(asset(&path).map(|a| a.media_type), Some("text/css; charset=utf-8"));
        assert!(asset(&path.replace(".css", ".js")).is_none());
        assert!(asset("/assets/prokura.css").is_none());
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn assets_ask_for_nothing_from_elsewhere() {
        for a in [&STYLE, &SCRIPT] {
            assert!(
                !a.body.contains("http://") && !a.body.contains("https://") && !a.body.contains("@import")
            );
        }
    }
}
