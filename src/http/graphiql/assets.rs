//! The four files of the editor, and where a browser gets them: a public CDN, another address with the same layout,
//! or a directory with the npm packages, which this server then serves itself.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use axum::body::Bytes;
use url::Url;

/// Where the files come from unless the operator says otherwise: a public CDN with the layout `NAME@VERSION/PATH`.
const DEFAULT_BASE: &str = "https://cdn.jsdelivr.net/npm/";

/// Where this server offers the files of a directory.
pub(super) const LOCAL_BASE: &str = "/graphiql-assets/";

/// A file of the editor.
pub(super) struct AssetFile {
    package: &'static str,
    version: &'static str,
    path: &'static str,
    /// Its name when this server offers it.
    name: &'static str,
    /// The hash that the browser checks, of the file in the published package.
    integrity: &'static str,
    kind: Kind,
}

enum Kind {
    Script,
    Style,
}

/// The files, in the order in which they are loaded.
pub(super) const FILES: [AssetFile; 4] = [
    AssetFile {
        package: "graphiql",
        version: "3.9.0",
        path: "graphiql.min.css",
        name: "graphiql.min.css",
        integrity: "sha384-QMux00XgRtwRLSYIY3kw2rj1ovk5AuuliAchk+HSQbqdbGFnz9GYuqIlOqxhwCE2",
        kind: Kind::Style,
    },
    AssetFile {
        package: "react",
        version: "18.3.1",
        path: "umd/react.production.min.js",
        name: "react.production.min.js",
        integrity: "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z",
        kind: Kind::Script,
    },
    AssetFile {
        package: "react-dom",
        version: "18.3.1",
        path: "umd/react-dom.production.min.js",
        name: "react-dom.production.min.js",
        integrity: "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1",
        kind: Kind::Script,
    },
    AssetFile {
        package: "graphiql",
        version: "3.9.0",
        path: "graphiql.min.js",
        name: "graphiql.min.js",
        integrity: "sha384-8NGfVj4CVlqHajlZj+bPJT4thxPMHMJYn7DWK2CvtopLd02E7qsPHazniBYvVjOO",
        kind: Kind::Script,
    },
];

/// Where a browser gets the files of the editor; the value of `--graphiql-assets`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GraphiqlAssets {
    /// The public CDN.
    #[default]
    Cdn,
    /// Another address with the layout of the CDN, `NAME@VERSION/PATH`.
    Address(Url),
    /// A directory with the npm packages `graphiql`, `react` and `react-dom`, for use without internet.
    Directory(PathBuf),
}

/// Why the files of the editor cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum GraphiqlAssetsError {
    /// The address is none.
    #[error("cannot read graphiql assets address `{0}`: expected `https://HOST/PATH/` or a directory")]
    Address(String),
    /// The directory lacks a file.
    #[error(
        "cannot read graphiql asset `{path}` under `{directory}`: install the packages there with \
         `npm install --prefix DIR {packages}` and give `DIR/node_modules`"
    )]
    Missing {
        /// The directory as given.
        directory: PathBuf,
        /// The file, from the directory.
        path: PathBuf,
        /// What to install.
        packages: String,
        /// What the file system says.
        #[source]
        source: std::io::Error,
    },
}

impl FromStr for GraphiqlAssets {
    type Err = GraphiqlAssetsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.contains("://") {
            return Ok(Self::Directory(PathBuf::from(text)));
        }
        let wrong = || GraphiqlAssetsError::Address(text.to_owned());
        let mut address = Url::parse(text).map_err(|_| wrong())?;
        let is_plain = address.query().is_none() && address.fragment().is_none() && address.username().is_empty();
        if !matches!(address.scheme(), "http" | "https") || !is_plain {
            return Err(wrong());
        }
        if !address.path().ends_with('/') {
            address.set_path(&format!("{}/", address.path()));
        }
        Ok(Self::Address(address))
    }
}

impl GraphiqlAssets {
    /// Reads the files of a directory once, so that a missing one is known at the start.
    pub(super) fn load(&self) -> Result<Loaded, GraphiqlAssetsError> {
        match self {
            Self::Cdn => Ok(Loaded::Remote(DEFAULT_BASE.parse().expect("the address of the CDN is valid"))),
            Self::Address(address) => Ok(Loaded::Remote(address.clone())),
            Self::Directory(directory) => {
                let read = |file: &AssetFile| read(directory, file).map(|content| (file.name, content));
                let files = FILES.iter().map(read).collect::<Result<_, _>>()?;
                Ok(Loaded::Local { directory: directory.clone(), files })
            }
        }
    }
}

/// A package may lie there as installed (`graphiql/...`) or as unpacked (`graphiql-3.9.0/package/...`).
fn read(directory: &Path, file: &AssetFile) -> Result<Bytes, GraphiqlAssetsError> {
    let installed = Path::new(file.package).join(file.path);
    let unpacked = Path::new(&format!("{}-{}", file.package, file.version)).join("package").join(file.path);
    std::fs::read(directory.join(&installed))
        .or_else(|error| std::fs::read(directory.join(unpacked)).map_err(|_| error))
        .map(Bytes::from)
        .map_err(|source| GraphiqlAssetsError::Missing {
            directory: directory.to_owned(),
            path: installed,
            packages: packages(),
            source,
        })
}

/// The packages with their versions, as `npm install` wants them.
pub(super) fn packages() -> String {
    let mut packages: Vec<_> = FILES.iter().map(|file| format!("{}@{}", file.package, file.version)).collect();
    packages.sort();
    packages.dedup();
    packages.join(" ")
}

/// The files, or where they are.
pub(super) enum Loaded {
    /// The browser gets them from another host.
    Remote(Url),
    /// The browser gets them from here.
    Local {
        /// The directory they were read from.
        directory: PathBuf,
        /// Name and content.
        files: Vec<(&'static str, Bytes)>,
    },
}

impl Loaded {
    /// The source for a content security policy.
    pub(super) fn source(&self) -> String {
        match self {
            Self::Remote(base) => base.origin().ascii_serialization(),
            Self::Local { .. } => "'self'".to_owned(),
        }
    }

    /// Where the files are, for a sentence.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Remote(base) => base.to_string(),
            Self::Local { directory, .. } => format!("{} on this server", directory.display()),
        }
    }

    /// The element that loads a file.
    pub(super) fn tag(&self, file: &AssetFile, nonce: &str) -> String {
        let attributes = match self {
            // The files of a directory are the operator's choice, and may be another 3.x.
            Self::Local { .. } => format!(r#""{LOCAL_BASE}{}""#, file.name),
            Self::Remote(base) => format!(
                r#""{base}{}@{}/{}" integrity="{}" crossorigin="anonymous""#,
                file.package, file.version, file.path, file.integrity
            ),
        };
        match file.kind {
            Kind::Style => format!(r#"<link rel="stylesheet" href={attributes}>"#),
            Kind::Script => format!(r#"<script defer nonce="{nonce}" src={attributes}></script>"#),
        }
    }

    /// A file by name, with its content type.
    pub(super) fn file(&self, name: &str) -> Option<(&'static str, Bytes)> {
        let Self::Local { files, .. } = self else { return None };
        let (name, content) = files.iter().find(|(known, _)| *known == name)?;
        let is_style = name.ends_with(".css");
        Some((if is_style { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" }, content.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_directory() {
        let parse = |text: &str| text.parse::<GraphiqlAssets>();
        assert_eq!(parse("assets").unwrap(), GraphiqlAssets::Directory("assets".into()));
        let address = parse("https://mirror.example.com/npm").unwrap();
        assert_eq!(address, GraphiqlAssets::Address("https://mirror.example.com/npm/".parse().unwrap()));
        for wrong in ["ftp://a/", "https://a/?b", "https://", "https://me@a/"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_hosts_are_checked_by_hash() {
        let assets = GraphiqlAssets::Cdn.load().unwrap();
        for file in &FILES {
            let tag = assets.tag(file, "n");
            assert!(tag.contains(r#"integrity="sha384-"#) && tag.contains(r#"crossorigin="anonymous""#), "{tag}");
            assert!(tag.contains(&format!("{}@{}/", file.package, file.version)), "{tag}");
        }
        assert_eq!(assets.source(), "https://cdn.jsdelivr.net");
    }

    #[test]
    fn a_directory_must_have_every_file() {
        let directory = tempfile::tempdir().unwrap();
        let assets = GraphiqlAssets::Directory(directory.path().to_owned());
        let error = assets.load().err().expect("nothing is there").to_string();
        assert!(error.contains("graphiql/graphiql.min.css") && error.contains("react-dom@18.3.1"), "{error}");
        for file in &FILES {
            let installed = file.package != "graphiql";
            let folder = if installed { file.package.to_owned() } else { format!("graphiql-{}/package", file.version) };
            let path = directory.path().join(folder).join(file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.name).unwrap();
        }
        let loaded = assets.load().unwrap();
        assert_eq!(loaded.file("graphiql.min.js").unwrap().1, "graphiql.min.js");
        assert!(loaded.file("../Cargo.toml").is_none());
    }
}
