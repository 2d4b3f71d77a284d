//! What a case is: a deployment, and what the program must say of it.

use std::time::Duration;

use super::Result;
use super::fix::Fix;
use super::stage::Stage;

/// How sure the program must be, at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Confidence {
    Possible,
    Likely,
    Proven,
}

/// What the program must say.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// Verdict `ok`, exit code 0, no error finding.
    Healthy,
    /// It works, and some of these causes, each a warning, say for whom it does not: verdict `warn`, exit code 0.
    Warned(Vec<&'static str>),
    /// The first finding is one of these causes, exit code 1.
    Cause { any_of: Vec<&'static str>, at_least: Confidence },
    /// One finding, an error or less, is one of these causes; the connection itself may work (a browser may
    /// fail where we do not, an address of two may be dead).
    Mentions(Vec<&'static str>),
    /// Ends within the budget with one of these causes first, or (none given) with any finding at all: for
    /// hostile peers, where several names are right.
    Survives(Vec<&'static str>),
}

/// How to run the program on the stage.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub url: String,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// A program that starts ours: `faketime`, say.
    pub wrapper: Vec<String>,
    /// The deployment is to be mended: found, changed, tested, loaded and used.
    pub fix: Option<Fix>,
    /// `url` is a file of the stage, for `keepwire read` rather than `keepwire check`.
    pub is_record: bool,
}

impl Plan {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// `keepwire read` of a file.
    pub(crate) fn read(file: &std::path::Path) -> Self {
        Self { is_record: true, ..Self::new(file.display().to_string()) }
    }

    /// Adds arguments, split at spaces.
    pub(crate) fn with(mut self, arguments: &str) -> Self {
        self.arguments.extend(arguments.split(' ').map(String::from));
        self
    }

    /// Adds one flag whose value may hold spaces.
    pub(crate) fn flag(mut self, flag: &str, value: impl Into<String>) -> Self {
        self.arguments.push(flag.into());
        self.arguments.push(value.into());
        self
    }

    /// To be mended like this.
    pub(crate) fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

type SetUp = Box<dyn Fn(&mut Stage) -> Result<Plan> + Send + Sync>;

/// One deployment and what must be said of it.
pub(crate) struct Case {
    /// `section/what-is-wrong/product`.
    pub name: String,
    pub products: Vec<&'static str>,
    pub expect: Expect,
    pub never: Vec<&'static str>,
    pub because: Option<&'static str>,
    /// What a hand-made handshake must meet on this stage (`--stage-check`); alternatives parted by ` / `.
    pub seen: &'static str,
    /// "It works, but not for long" is the right severity as well.
    pub warning_will_do: bool,
    /// Runs alone: it measures time closely or uses a fixed port.
    pub exclusive: bool,
    pub memory_limit_mb: u64,
    /// After this the program is killed and the case has failed.
    pub time_limit: Duration,
    pub set_up: SetUp,
}

impl Case {
    pub(crate) fn new(
        name: impl Into<String>,
        products: &[&'static str],
        expect: Expect,
        seen: &'static str,
        set_up: impl Fn(&mut Stage) -> Result<Plan> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            products: products.to_vec(),
            expect,
            never: Vec::new(),
            because: None,
            seen,
            warning_will_do: false,
            exclusive: false,
            memory_limit_mb: 100,
            time_limit: Duration::from_secs(30),
            set_up: Box::new(set_up),
        }
    }

    /// Causes that must not be among the findings, at any place.
    pub(crate) fn never(mut self, causes: &[&'static str]) -> Self {
        self.never.extend(causes);
        self
    }

    /// The product's id that the first finding must carry.
    pub(crate) fn because(mut self, id: &'static str) -> Self {
        self.because = Some(id);
        self
    }

    /// A warning (exit code 0) is as right as an error: the connection works, though not for everybody or long.
    pub(crate) fn or_warning(mut self) -> Self {
        self.warning_will_do = true;
        self
    }

    pub(crate) fn exclusive(mut self) -> Self {
        self.exclusive = true;
        self
    }
}

/// The first finding must be this cause, at least likely.
pub(crate) fn cause(id: &'static str) -> Expect {
    any_of(&[id])
}

/// The first finding must be one of these, at least likely.
pub(crate) fn any_of(ids: &[&'static str]) -> Expect {
    Expect::Cause { any_of: ids.to_vec(), at_least: Confidence::Likely }
}

/// The first finding must be one of these, however unsure: from outside nothing proves it.
pub(crate) fn possibly(ids: &[&'static str]) -> Expect {
    Expect::Cause { any_of: ids.to_vec(), at_least: Confidence::Possible }
}

/// The first finding must be this cause, and proven.
pub(crate) fn proven(id: &'static str) -> Expect {
    Expect::Cause { any_of: vec![id], at_least: Confidence::Proven }
}

/// Some finding, be it a warning, must be this cause.
pub(crate) fn mentions(id: &'static str) -> Expect {
    Expect::Mentions(vec![id])
}
