//! A TCP echo: tokio's reactor does the waiting, the pool's workers the computing.
//!
//! Sockets belong to a tokio runtime of one thread, which sleeps in the system until one is ready. What is to be computed for a line goes to the pool, and its handle is awaited
//! there: so a line that takes long holds up nobody else's.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use taskweave::{Pool, map_reduce};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The part that takes time: how many steps `n` takes to come down to 1 by Collatz's rule, at most, over all numbers up to it.
fn longest(n: u64) -> u64 {
    let steps = |mut n: u64| {
        let mut steps = 0;
        while n > 1 {
            n = if n.is_multiple_of(2) {
                n / 2
            } else {
                3 * n + 1
            };
            steps += 1;
        }
        steps
    };
    map_reduce(1..n as usize + 1, || 0, |n| steps(n as u64), u64::max)
}

/// Answers each line with itself and what was computed for it.
async fn serve(stream: TcpStream, pool: Arc<Pool>) -> io::Result<()> {
    let (lines, mut answers) = stream.into_split();
    let mut lines = BufReader::new(lines).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match line.parse() {
            Ok(n) if n <= 1_000_000 => {
                let longest = pool.spawn(move || longest(n)).await;
                longest.map_or_else(|error| error.to_string(), |steps| steps.to_string())
            }
            _ => "a number up to a million, please".to_owned(),
        };
        answers
            .write_all(format!("{line}: {answer}\n").as_bytes())
            .await?;
    }
    Ok(())
}

async fn ask(server: SocketAddr, questions: &[&str]) -> io::Result<Vec<String>> {
    let (answers, mut stream) = TcpStream::connect(server).await?.into_split();
    let mut answers = BufReader::new(answers).lines();
    let mut all = Vec::new();
    for question in questions {
        stream.write_all(format!("{question}\n").as_bytes()).await?;
        all.extend(answers.next_line().await?);
    }
    Ok(all)
}

/// Several clients at once, each with its questions: what they were told.
pub(crate) fn report(clients: &[&[&str]]) -> Result<String, Box<dyn Error>> {
    let pool = Arc::new(Pool::builder().worker_threads(2).build()?);
    let reactor = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    reactor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let server = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&pool)));
            }
        });
        let clients: Vec<_> = clients
            .iter()
            .map(|questions| {
                let questions: Vec<String> =
                    questions.iter().map(|&each| each.to_owned()).collect();
                tokio::spawn(async move {
                    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
                    ask(server, &questions).await
                })
            })
            .collect();
        let mut text = String::new();
        for client in clients {
            for answer in client.await?? {
                writeln!(text, "{answer}")?;
            }
        }
        Ok(text)
    })
}

#[cfg_attr(test, expect(dead_code, reason = "a test calls `report`"))]
fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", report(&[&["9", "97"], &["100000", "nine"]])?);
    Ok(())
}
