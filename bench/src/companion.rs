//! A peer that lives in a process of its own.
//!
//! It is started once per case and says in a line of JSON in which form it runs, when it is ready. Then it takes a sample for every line it is
//! sent, and answers with a line. Between samples it waits for input: it uses no processor while the other side is sampled.

use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::BenchError;

/// The first line: it is ready, or can't be.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Greeting {
    /// In which form it runs.
    pub(crate) form: String,
    /// How long one operation took when it chose that form, in nanoseconds, if it had a choice.
    pub(crate) least_ns: Option<f64>,
    /// Why something that it needs isn't there.
    pub(crate) missing: Option<String>,
}

/// A program and what to do if it isn't there.
#[derive(Debug)]
pub(crate) struct Program {
    /// The peer's name.
    pub(crate) side: &'static str,
    /// How to start it.
    pub(crate) command: Command,
    /// The package that the program itself belongs to, and the command that installs it.
    pub(crate) itself: [&'static str; 2],
    /// The package that it needs and may find missing, likewise.
    pub(crate) needs: [&'static str; 2],
}

/// The process. It ends when its input does.
#[derive(Debug)]
pub(crate) struct Companion {
    side: &'static str,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Companion {
    /// Starts it, gives it `input`, and waits until it is ready; returns its greeting as well.
    pub(crate) fn start(
        mut program: Program,
        input: &[u8],
    ) -> Result<(Self, Greeting), BenchError> {
        let side = program.side;
        let spawned = program
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = spawned.map_err(|why| match why.kind() {
            ErrorKind::NotFound => missing(program.itself, why.to_string()),
            _ => broken(side, format!("couldn't be started: {why}")),
        })?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(broken(side, "has no pipes".to_owned()));
        };
        let mut companion = Self {
            side,
            child,
            input: Some(stdin),
            output: BufReader::new(stdout),
        };
        companion.send(input)?;
        let mut greeting: Greeting = companion.answer()?;
        match greeting.missing.take() {
            None => Ok((companion, greeting)),
            Some(why) => Err(missing(program.needs, why)),
        }
    }

    /// Asks for a sample.
    #[cfg(feature = "slam-peers")]
    pub(crate) fn sample<T: DeserializeOwned>(&mut self) -> Result<T, BenchError> {
        self.ask("go")
    }

    /// Sends a line and reads one.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self, question: &str) -> Result<T, BenchError> {
        self.send(format!("{question}\n").as_bytes())?;
        self.answer()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), BenchError> {
        let side = self.side;
        let sent = match &mut self.input {
            Some(input) => input.write_all(bytes).and_then(|()| input.flush()),
            None => Ok(()),
        };
        sent.map_err(|why| broken(side, format!("doesn't listen: {why}")))
    }

    fn answer<T: DeserializeOwned>(&mut self) -> Result<T, BenchError> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        read.map_err(|why| broken(self.side, format!("can't be read: {why}")))?;
        if line.is_empty() {
            return Err(broken(
                self.side,
                "ended without an answer; what it said is above".to_owned(),
            ));
        }
        serde_json::from_str(&line)
            .map_err(|why| broken(self.side, format!("answered {:?}: {why}", line.trim_end())))
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        self.input = None;
        let _ = self.child.wait();
    }
}

fn missing([package, command]: [&'static str; 2], why: String) -> BenchError {
    BenchError::Missing {
        package,
        why,
        command,
    }
}

fn broken(side: &'static str, what: String) -> BenchError {
    BenchError::Process { side, what }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Companion, Program};
    use crate::error::BenchError;

    fn shell(script: &str) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Program {
            side: "shell",
            command,
            itself: ["a shell", "install a shell"],
            needs: ["a package", "install the package"],
        }
    }

    #[test]
    fn it_answers_one_line_with_one() {
        let script =
            r#"read given; echo "{\"form\": \"given $given\"}"; while read line; do echo 7; done"#;
        let (mut companion, greeting) = Companion::start(shell(script), b"a word\n").unwrap();
        assert_eq!(greeting.form, "given a word");
        assert_eq!(greeting.least_ns, None);
        for _ in 0..3 {
            assert_eq!(companion.ask::<u32>("go").unwrap(), 7);
        }
    }

    #[test]
    fn what_is_missing_is_told_with_the_command_that_installs_it() {
        let error = Companion::start(shell(r#"echo '{"missing": "not found"}'"#), b"").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("a package") && text.contains("install the package"),
            "{text}"
        );

        let mut program = shell("");
        program.command = Command::new("taskweave-bench-has-no-such-program");
        let text = Companion::start(program, b"").unwrap_err().to_string();
        assert!(
            text.contains("a shell") && text.contains("install a shell"),
            "{text}"
        );
    }

    #[test]
    fn a_companion_that_breaks_off_or_talks_nonsense_is_an_error() {
        let end = Companion::start(shell("true"), b"");
        assert!(matches!(end, Err(BenchError::Process { .. })));
        let nonsense = r#"echo '{"form": "x"}'; while read line; do echo what; done"#;
        let (mut companion, _) = Companion::start(shell(nonsense), b"").unwrap();
        let text = companion.ask::<u32>("go").unwrap_err().to_string();
        assert!(text.contains("what"), "{text}");
    }
}
