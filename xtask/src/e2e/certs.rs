//! Certificates made with OpenSSL: one authority, one intermediate, and leaves with one fault each.
//!
//! They are made once and kept for a few days; the dates of the faulty ones lie years away from today.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{Result, run_quietly};

/// The host name on every good certificate. `.test` never exists in the DNS (RFC 6761 section 6.2).
pub(crate) const HOST: &str = "app.keepwire.test";
const KEEP: Duration = Duration::from_secs(3 * 24 * 3600);

/// One leaf certificate to make.
struct Leaf {
    name: &'static str,
    names: &'static str,
    /// Start and end, as `openssl ca` takes them.
    dates: (&'static str, &'static str),
    key: &'static [&'static str],
    digest: &'static str,
    issuer: &'static str,
}

const GOOD_DATES: (&str, &str) = ("20250101000000Z", "20391231000000Z");
const NAMES: &str = "DNS:app.keepwire.test,DNS:localhost,IP:127.0.0.1,IP:198.18.0.1";
const ECDSA: &[&str] = &["EC", "ec_paramgen_curve:P-256"];

const LEAVES: &[Leaf] = &[
    Leaf { name: "good", names: NAMES, dates: GOOD_DATES, key: ECDSA, digest: "sha256", issuer: "inter" },
    Leaf {
        name: "good-rsa",
        names: NAMES,
        dates: GOOD_DATES,
        key: &["RSA", "rsa_keygen_bits:2048"],
        digest: "sha256",
        issuer: "inter",
    },
    Leaf {
        name: "rsa4096",
        names: NAMES,
        dates: GOOD_DATES,
        key: &["RSA", "rsa_keygen_bits:4096"],
        digest: "sha512",
        issuer: "inter",
    },
    Leaf {
        name: "p384",
        names: NAMES,
        dates: GOOD_DATES,
        key: &["EC", "ec_paramgen_curve:P-384"],
        digest: "sha384",
        issuer: "inter",
    },
    Leaf {
        name: "ed25519",
        names: NAMES,
        dates: GOOD_DATES,
        key: &["ED25519"],
        digest: "sha256",
        issuer: "inter",
    },
    Leaf {
        name: "wildcard",
        names: "DNS:*.keepwire.test",
        dates: GOOD_DATES,
        key: ECDSA,
        digest: "sha256",
        issuer: "inter",
    },
    Leaf {
        name: "expired",
        names: NAMES,
        dates: ("20230101000000Z", "20240101000000Z"),
        key: ECDSA,
        digest: "sha256",
        issuer: "inter",
    },
    Leaf {
        name: "future",
        names: NAMES,
        dates: ("20380101000000Z", "20390101000000Z"),
        key: ECDSA,
        digest: "sha256",
        issuer: "inter",
    },
    Leaf {
        name: "other-host",
        names: "DNS:shop.keepwire.test",
        dates: GOOD_DATES,
        key: ECDSA,
        digest: "sha256",
        issuer: "inter",
    },
    Leaf {
        name: "rsa1024",
        names: NAMES,
        dates: GOOD_DATES,
        key: &["RSA", "rsa_keygen_bits:1024"],
        digest: "sha256",
        issuer: "inter",
    },
    Leaf { name: "sha1", names: NAMES, dates: GOOD_DATES, key: ECDSA, digest: "sha1", issuer: "inter" },
    Leaf {
        name: "client",
        names: "email:dev@keepwire.test",
        dates: GOOD_DATES,
        key: ECDSA,
        digest: "sha256",
        issuer: "inter",
    },
];

/// Where the certificates are.
#[derive(Clone, Debug)]
pub(crate) struct Certs {
    folder: PathBuf,
}

impl Certs {
    /// Makes all certificates, unless a recent set is there.
    ///
    /// # Errors
    ///
    /// When OpenSSL fails; with what it said.
    pub(crate) fn make(home: &Path) -> Result<Self> {
        let certs = Self { folder: home.join("certs") };
        let stamp = certs.folder.join("made");
        let recent = fs::metadata(&stamp)
            .and_then(|data| data.modified())
            .is_ok_and(|made| SystemTime::now().duration_since(made).is_ok_and(|age| age < KEEP));
        // The stamp holds what they were made from: this very file.
        let recent = recent && fs::read_to_string(&stamp).is_ok_and(|text| text == include_str!("certs.rs"));
        if recent {
            return Ok(certs);
        }
        let _ = fs::remove_dir_all(&certs.folder);
        fs::create_dir_all(&certs.folder)
            .map_err(|error| format!("making {}: {error}", certs.folder.display()))?;
        certs.make_authorities()?;
        for leaf in LEAVES {
            certs.make_leaf(leaf)?;
        }
        certs.make_self_signed()?;
        certs.write("made", include_str!("certs.rs"))?;
        // Servers that give up root must still be able to read the keys; they protect nothing.
        run_quietly(Command::new("chmod").args(["-R", "a+rX"]).arg(&certs.folder))?;
        Ok(certs)
    }

    fn make_authorities(&self) -> Result<()> {
        self.write("index.txt", "")?;
        self.write("serial", "1000\n")?;
        self.write("index.txt.attr", "unique_subject = no\n")?;
        self.write("ca.cnf", CA_CONFIG)?;
        self.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-sha256",
            "-days",
            "5000",
            "-subj",
            "/O=Keepwire tests/CN=Keepwire Test Root",
            "-keyout",
            "root.key",
            "-out",
            "root.crt",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ])?;
        self.request("inter", ECDSA, "/O=Keepwire tests/CN=Keepwire Test Intermediate")?;
        self.write(
            "inter.ext",
            "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n",
        )?;
        self.sign("inter", GOOD_DATES, "sha256", "root")
    }

    fn make_leaf(&self, leaf: &Leaf) -> Result<()> {
        self.request(leaf.name, leaf.key, &format!("/CN={HOST}"))?;
        self.write(
            &format!("{}.ext", leaf.name),
            &format!(
                "basicConstraints=critical,CA:false\nkeyUsage=digitalSignature,keyEncipherment\n\
                 extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName={}\n\
                 authorityInfoAccess=caIssuers;URI:http://ca.keepwire.test/intermediate.crt\n",
                leaf.names
            ),
        )?;
        self.sign(leaf.name, leaf.dates, leaf.digest, leaf.issuer)?;
        let chain = self.read(&format!("{}.crt", leaf.name))? + &self.read("inter.crt")?;
        self.write(&format!("{}.full", leaf.name), &chain)?;
        let bundle = chain + &self.read(&format!("{}.key", leaf.name))?;
        self.write(&format!("{}.pem", leaf.name), &bundle)
    }

    fn make_self_signed(&self) -> Result<()> {
        self.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-sha256",
            "-days",
            "365",
            "-subj",
            "/CN=app.keepwire.test",
            "-addext",
            "subjectAltName=DNS:app.keepwire.test,IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:false",
            "-keyout",
            "self.key",
            "-out",
            "self.crt",
        ])
    }

    fn request(&self, name: &str, key: &[&str], subject: &str) -> Result<()> {
        let (key_file, request) = (format!("{name}.key"), format!("{name}.csr"));
        // Ed25519 keys have no option.
        let option = key.get(1).map_or_else(Vec::new, |option| vec!["-pkeyopt", *option]);
        self.openssl(&[&["genpkey", "-algorithm", key[0], "-out", &key_file], &option[..]].concat())?;
        self.openssl(&["req", "-new", "-key", &key_file, "-subj", subject, "-out", &request])
    }

    /// `openssl ca`, because `openssl x509` of version 3.0 cannot set a start date.
    fn sign(&self, name: &str, dates: (&str, &str), digest: &str, issuer: &str) -> Result<()> {
        self.openssl(&[
            "ca",
            "-batch",
            "-notext",
            "-config",
            "ca.cnf",
            "-startdate",
            dates.0,
            "-enddate",
            dates.1,
            "-md",
            digest,
            "-cert",
            &format!("{issuer}.crt"),
            "-keyfile",
            &format!("{issuer}.key"),
            "-extfile",
            &format!("{name}.ext"),
            "-in",
            &format!("{name}.csr"),
            "-out",
            &format!("{name}.crt"),
        ])
    }

    fn openssl(&self, words: &[&str]) -> Result<()> {
        run_quietly(Command::new("openssl").current_dir(&self.folder).args(words))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.folder.join(name), text).map_err(|error| format!("writing certs/{name}: {error}"))
    }

    fn read(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.folder.join(name)).map_err(|error| format!("reading certs/{name}: {error}"))
    }

    /// A file by its full name: `root.crt`, `good.full`, `good.key`, …
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

const CA_CONFIG: &str = "\
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
default_md = sha256
serial = serial
policy = any
email_in_dn = no
copy_extensions = none
[any]
commonName = supplied
organizationName = optional
";
