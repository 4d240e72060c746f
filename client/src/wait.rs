//! Waiting for a future in a thread that has no runtime, or has one and must not be asked to block it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};

use tokio::task::coop::unconstrained;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Its output, however long it takes.
///
/// In a thread that runs a task of tokio's its channels stop answering after 128 answers, until the task
/// yields, which one that waits here never does: hence `unconstrained`.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(unconstrained(future));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_task_that_waits_here_is_answered_however_often_it_asks() {
        let (done, finished) = mpsc::channel();
        let asks = async move {
            for number in 0..1000 {
                let (reply, asked) = oneshot::channel();
                reply.send(number).unwrap();
                assert_eq!(block_on(asked), Ok(number));
            }
            done.send(()).unwrap();
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        thread::spawn(move || runtime.block_on(asks));
        assert_eq!(finished.recv_timeout(Duration::from_secs(60)), Ok(()));
    }
}
