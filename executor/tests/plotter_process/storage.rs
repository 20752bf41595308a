//! A controller and a cache as the wire specification has them, which serve made-up pieces and can be made
//! to serve them wrongly.

use std::sync::Arc;

use async_nats::{Client, Message, Subscriber};
use futures::StreamExt;
use tokio::task::JoinSet;
use ulid::Ulid;

use crate::bytes::{Reader, counted, stream_message};
use crate::harness::synthetic_piece;

/// What is wrong with a source of pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It has nothing.
    Empty,
    /// It gives other pieces than were asked for.
    OtherPiece,
    /// It gives pieces whose first chunk is no scalar.
    NotCanonical,
    /// It answers with bytes that mean nothing.
    Noise,
    /// It begins to count at one.
    WrongIndex,
    /// Its streams are empty; it only answers one question at a time.
    OnlySingle,
    /// It is not there.
    Absent,
}

/// The storage of a cluster, as long as this lives.
pub(crate) struct Storage {
    _tasks: JoinSet<()>,
}

struct Served {
    client: Client,
    cache: Ulid,
    cache_fault: Fault,
    controller_fault: Fault,
}

impl Storage {
    /// A cache that has every other piece that it is asked for, and a controller that has all.
    pub(crate) async fn start(
        client: &Client,
        cache_fault: Fault,
        controller_fault: Fault,
    ) -> Self {
        let cache = Ulid::generate();
        let client = client.clone();
        let served = Arc::new(Served { client, cache, cache_fault, controller_fault });
        let mut tasks = JoinSet::new();
        if cache_fault != Fault::Absent {
            for subject in [
                "subspace.controller._.find-pieces-in-cache".to_owned(),
                "subspace.controller._.find-piece-in-cache".to_owned(),
                format!("subspace.cache.{cache}.read-pieces"),
                format!("subspace.cache.{cache}.read-piece"),
            ] {
                tasks.spawn(serve(Arc::clone(&served), served.subscribe(&subject).await));
            }
        }
        if controller_fault != Fault::Absent {
            for subject in ["subspace.controller.pieces", "subspace.controller.piece"] {
                tasks.spawn(serve(Arc::clone(&served), served.subscribe(subject).await));
            }
        }
        served.client.flush().await.unwrap();
        Self { _tasks: tasks }
    }
}

async fn serve(served: Arc<Served>, mut requests: Subscriber) {
    while let Some(request) = requests.next().await {
        served.answer(request).await;
    }
}

impl Served {
    async fn subscribe(&self, subject: &str) -> Subscriber {
        self.client.subscribe(subject.to_owned()).await.unwrap()
    }

    async fn answer(&self, request: Message) {
        let mut reader = Reader(&request.payload);
        match request.subject.rsplit('.').next().unwrap() {
            "find-pieces-in-cache" => {
                let asked: Vec<u64> = (0..reader.compact()).map(|_| reader.u64()).collect();
                let has =
                    |place: &usize| place.is_multiple_of(2) && !has_no_stream(self.cache_fault);
                let places = (0..asked.len()).filter(has).map(|place| self.place(asked[place]));
                self.stream(&request, &places.collect::<Vec<_>>(), Fault::None).await;
            }
            "find-piece-in-cache" => {
                let place = self.place(reader.u64());
                let answer = match self.cache_fault {
                    Fault::OnlySingle => [&[1][..], &place[8..]].concat(),
                    _ => vec![0],
                };
                self.client.publish(request.reply.clone().unwrap(), answer.into()).await.unwrap();
            }
            "read-piece" => {
                let piece = indexed(u64::from(reader.u32()), self.cache_fault);
                let answer = [&[0, 1][..], &piece].concat();
                self.client.publish(request.reply.clone().unwrap(), answer.into()).await.unwrap();
            }
            "read-pieces" => {
                let asked: Vec<u32> = (0..reader.compact()).map(|_| reader.u32()).collect();
                let item = |&offset: &u32| {
                    let piece = indexed(u64::from(offset), self.cache_fault);
                    [&[0][..], &offset.to_le_bytes(), &[1], &piece].concat()
                };
                let items: Vec<_> = asked.iter().map(item).collect();
                self.stream(&request, &items, self.cache_fault).await;
            }
            "pieces" => {
                let asked: Vec<u64> = (0..reader.compact()).map(|_| reader.u64()).collect();
                let has = |_: &&u64| !has_no_stream(self.controller_fault);
                let items =
                    asked.iter().filter(has).map(|&one| indexed(one, self.controller_fault));
                self.stream(&request, &items.collect::<Vec<_>>(), self.controller_fault).await;
            }
            "piece" => {
                let piece = piece_bytes(reader.u64(), self.controller_fault);
                let answer = match self.controller_fault {
                    Fault::None | Fault::NotCanonical | Fault::OnlySingle => {
                        [&[1][..], &counted(&piece)].concat()
                    }
                    Fault::Noise => vec![0xff; 9],
                    _ => vec![0],
                };
                self.client.publish(request.reply.clone().unwrap(), answer.into()).await.unwrap();
            }
            other => panic!("a request for {other}"),
        }
        reader.end();
    }

    /// Where the cache has a piece: under its index.
    fn place(&self, piece_index: u64) -> Vec<u8> {
        let offset = u32::try_from(piece_index).unwrap();
        let cache = u128::from(self.cache);
        [&piece_index.to_le_bytes()[..], &[0], &cache.to_le_bytes(), &offset.to_le_bytes()].concat()
    }

    /// Streams items, one a message, two messages under way at most.
    async fn stream(&self, request: &Message, items: &[Vec<u8>], fault: Fault) {
        let reply = request.reply.clone().unwrap();
        let subject = format!("stream-response-ack.{}", Ulid::generate());
        let mut acknowledgements = self.client.subscribe(subject.clone()).await.unwrap();
        let publish = async |message: Vec<u8>| {
            self.client.publish(reply.clone(), message.into()).await.unwrap();
        };
        match fault {
            Fault::Noise => return publish(vec![0xff; 100]).await,
            Fault::WrongIndex => return publish(stream_message(1, &items[..1], None)).await,
            _ => {}
        }
        let Some((last, others)) = items.split_last() else {
            return publish(stream_message(0, &[], None)).await;
        };
        for (index, item) in (0..).zip(others) {
            publish(stream_message(index, std::slice::from_ref(item), Some(&subject))).await;
            if index > 0 {
                acknowledged(&mut acknowledgements, index - 1).await;
            }
        }
        let index = u32::try_from(others.len()).unwrap();
        publish(stream_message(index, std::slice::from_ref(last), None)).await;
    }
}

async fn acknowledged(acknowledgements: &mut Subscriber, index: u32) {
    let message = acknowledgements.next().await.unwrap();
    assert_eq!(message.payload.as_ref(), index.to_le_bytes());
}

/// The bytes of a piece, or of something worse.
fn piece_bytes(piece_index: u64, fault: Fault) -> Vec<u8> {
    let mut piece = synthetic_piece(piece_index);
    if fault == Fault::NotCanonical {
        piece[..32].fill(0xff);
    }
    piece
}

/// A piece behind its index, or behind another.
fn indexed(piece_index: u64, fault: Fault) -> Vec<u8> {
    let told = if fault == Fault::OtherPiece { piece_index + 1_000_000 } else { piece_index };
    [&told.to_le_bytes()[..], &counted(&piece_bytes(piece_index, fault))].concat()
}

fn has_no_stream(fault: Fault) -> bool {
    matches!(fault, Fault::Empty | Fault::OnlySingle)
}
