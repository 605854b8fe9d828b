//! What is wrong with a configuration, told so that the operator can mend all of it in one go.

use std::fmt;

/// One thing that is wrong, where it stands, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file as the operator named it.
    pub origin: String,
    /// Line in the file, from 1; none when the file as a whole is meant.
    pub line: Option<u32>,
    /// Section and key, `http.listen`; empty when the text is no TOML there.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Fault {
    /// `todoke.toml:12: http.listen: what is wrong; what to do`: the form that editors and grep can jump to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// Every fault of a configuration, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Sorts and drops repetitions: a broken `[defaults]` key is met once for every carrier.
    pub(crate) fn new(mut list: Vec<Fault>) -> Self {
        list.sort();
        list.dedup();
        Self(list)
    }

    /// The faults one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "fault" } else { "faults" };
        writeln!(f, "{} {plural} in the configuration:", self.0.len())?;
        self.0.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: Option<u32>, key: &str) -> Fault {
        Fault { origin: "a.toml".into(), line, key: key.into(), what: "is odd".into(), remedy: "mend it".into() }
    }

    #[test]
    fn faults_are_listed_in_the_order_of_lines_and_each_once() {
        let faults = Faults::new(vec![fault(Some(9), "b"), fault(Some(2), "a"), fault(Some(9), "b")]);
        assert_eq!(
            faults.to_string(),
            "2 faults in the configuration:\n  a.toml:2: a: is odd; mend it\n  a.toml:9: b: is odd; mend it\n"
        );
        assert_eq!(fault(None, "").to_string(), "a.toml: is odd; mend it");
    }
}
