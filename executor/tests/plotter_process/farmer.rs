//! A farmer as the wire specification has it.

use std::time::Duration;

use aipot_kernels::plotting::{ProtocolInformation, PublicKey, SectorPlan, sector_bytes};
use async_nats::{Client, Subscriber};
use futures::StreamExt;
use tokio::time::timeout;
use ulid::Ulid;

use crate::bytes::Reader;
use crate::harness::{DEADLINE, information, within};

/// Bytes of the metadata of a sector.
const METADATA_BYTES: usize = 131_116;

/// A sector that a farmer wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) sector_index: u16,
    pub(crate) pieces_in_sector: u16,
    pub(crate) information: ProtocolInformation,
}

impl Wanted {
    pub(crate) fn of_pieces(pieces_in_sector: u16) -> Self {
        Self { sector_index: 3, pieces_in_sector, information: information() }
    }

    pub(crate) fn key() -> PublicKey {
        PublicKey([9; 32])
    }

    pub(crate) fn plan(&self) -> SectorPlan {
        let key = Self::key();
        SectorPlan::new(&key, self.sector_index, &self.information, self.pieces_in_sector).unwrap()
    }

    fn encode(&self) -> Vec<u8> {
        let information = &self.information;
        let fraction = information.recent_history_fraction;
        let mut bytes = Self::key().0.to_vec();
        bytes.extend(self.sector_index.to_le_bytes());
        bytes.extend(information.history_size.0.to_le_bytes());
        bytes.extend(information.max_pieces_in_sector.to_le_bytes());
        bytes.extend(information.recent_segments.0.to_le_bytes());
        bytes.extend(fraction.0.0.to_le_bytes());
        bytes.extend(fraction.1.0.to_le_bytes());
        bytes.extend(information.min_sector_lifetime.0.to_le_bytes());
        bytes.extend(self.pieces_in_sector.to_le_bytes());
        assert_eq!(bytes.len(), 78);
        bytes
    }
}

/// What a farmer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Occupied,
    Ping,
    Downloading,
    Downloaded,
    Encoding,
    Encoded,
    Finished(Plotted),
    Chunk(Vec<u8>),
    Error(String),
}

/// What a farmer is told about a finished sector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plotted {
    pub(crate) sector_id: [u8; 32],
    pub(crate) sector_index: u16,
    pub(crate) metadata: Vec<u8>,
    pub(crate) piece_indexes: Vec<u64>,
}

impl Told {
    fn read(reader: &mut Reader<'_>) -> Self {
        match reader.byte() {
            0 => Self::Occupied,
            1 => Self::Ping,
            2 => Self::Downloading,
            3 => Self::after_time(reader, Self::Downloaded),
            4 => Self::Encoding,
            5 => Self::after_time(reader, Self::Encoded),
            6 => {
                let plotted = Plotted::read(reader);
                Self::after_time(reader, Self::Finished(plotted))
            }
            7 => {
                assert_eq!(reader.byte(), 0, "a chunk and not a failure");
                Self::Chunk(reader.counted().to_vec())
            }
            8 => Self::Error(reader.text()),
            other => panic!("kind {other} of progress"),
        }
    }

    fn after_time(reader: &mut Reader<'_>, told: Self) -> Self {
        let (seconds, nanoseconds) = (reader.u64(), reader.u32());
        assert!(seconds < 3_600 && nanoseconds < 1_000_000_000);
        told
    }
}

impl Plotted {
    fn read(reader: &mut Reader<'_>) -> Self {
        let sector_id = reader.take(32).try_into().unwrap();
        let sector_index = reader.u16();
        let metadata = reader.take(METADATA_BYTES).to_vec();
        let piece_indexes = (0..reader.compact()).map(|_| reader.u64()).collect();
        Self { sector_id, sector_index, metadata, piece_indexes }
    }
}

/// Asks for room until somebody has some.
pub(crate) async fn find_plotter(client: &Client) -> String {
    within("somebody has room", async {
        loop {
            if let Some(plotter) = ask_for_room(client).await {
                return plotter;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Asks for room once; nobody there is the same as no room.
pub(crate) async fn ask_for_room(client: &Client) -> Option<String> {
    let answer = client.request("subspace.plotter.free-instance", Vec::new().into()).await.ok()?;
    let mut reader = Reader(&answer.payload);
    let id = (reader.byte() == 1).then(|| reader.text());
    reader.end();
    if let Some(id) = &id {
        assert_eq!((id.len(), Ulid::from_string(id).is_ok()), (26, true), "{id}");
    }
    id
}

/// A request under way.
pub(crate) struct Request {
    client: Client,
    subscriber: Subscriber,
    next_index: u32,
    is_over: bool,
    /// Where messages that were looked at can be acknowledged.
    pub(crate) acknowledgement_subject: Option<String>,
    /// Whether messages are acknowledged as they come.
    pub(crate) acknowledges: bool,
}

impl Request {
    pub(crate) async fn send(client: &Client, plotter: &str, wanted: &Wanted) -> Self {
        Self::send_bytes(client, plotter, wanted.encode()).await
    }

    pub(crate) async fn send_bytes(client: &Client, plotter: &str, bytes: Vec<u8>) -> Self {
        let inbox = format!("stream-response.{}", Ulid::generate());
        let subscriber = client.subscribe(inbox.clone()).await.unwrap();
        let subject = format!("subspace.plotter.{plotter}.plot-sector");
        client.publish_with_reply(subject, inbox, bytes.into()).await.unwrap();
        Self {
            client: client.clone(),
            subscriber,
            next_index: 0,
            is_over: false,
            acknowledgement_subject: None,
            acknowledges: true,
        }
    }

    /// What comes next, `None` after the last message; fails when nothing comes.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        self.next_within(DEADLINE).await.expect("a plotter that is there pings")
    }

    /// What comes next within this time: silence is an error.
    pub(crate) async fn next_within(&mut self, patience: Duration) -> Result<Option<Told>, ()> {
        if self.is_over {
            return Ok(None);
        }
        let message = timeout(patience, self.subscriber.next()).await.map_err(|_| ())?;
        let message = message.unwrap();
        assert!(message.status.is_none(), "nobody is there: {:?}", message.status);
        let mut reader = Reader(&message.payload);
        self.is_over = reader.byte() == 1;
        let index = reader.u32();
        assert_eq!(index, self.next_index);
        self.next_index += 1;
        assert_eq!(reader.compact(), 1, "responses of a message");
        let told = Told::read(&mut reader);
        if !self.is_over {
            self.acknowledgement_subject = Some(reader.text());
        }
        reader.end();
        if self.acknowledges && !self.is_over {
            self.acknowledge(index).await;
        }
        Ok(Some(told))
    }

    pub(crate) async fn acknowledge(&self, index: u32) {
        self.acknowledge_with(index.to_le_bytes().to_vec()).await;
    }

    pub(crate) async fn acknowledge_with(&self, bytes: Vec<u8>) {
        let subject = self.acknowledgement_subject.clone().unwrap();
        self.client.publish(subject, bytes.into()).await.unwrap();
    }

    /// Index of the last message that was looked at.
    pub(crate) fn last_index(&self) -> u32 {
        self.next_index - 1
    }

    /// Goes on until this is told; pings do not count.
    pub(crate) async fn until(&mut self, wanted: &Told) {
        loop {
            let told = self.next().await.expect("the stream is not over");
            if told == *wanted {
                return;
            }
            assert!(!matches!(told, Told::Error(_) | Told::Occupied), "{told:?}");
        }
    }

    /// Goes on to the end, for which there has to be an error; gives its text.
    pub(crate) async fn error(mut self) -> String {
        while let Some(told) = self.next().await {
            if let Told::Error(text) = told {
                assert_eq!(self.next().await, None, "an error is the last message");
                return text;
            }
        }
        panic!("the stream ended without an error");
    }

    /// Receives the sector as a farmer does, who demands order and length.
    pub(crate) async fn sector(mut self, wanted: &Wanted) -> (Plotted, Vec<u8>) {
        self.rest(wanted, DEADLINE).await.expect("the plotter is there and plots")
    }

    /// Receives what is left of the stages and then the sector; `Err` when the plotter is silent or failed.
    pub(crate) async fn rest(
        &mut self,
        wanted: &Wanted,
        patience: Duration,
    ) -> Result<(Plotted, Vec<u8>), ()> {
        let (mut plotted, mut sector) = (None, Vec::new());
        let expected = sector_bytes(wanted.pieces_in_sector);
        while let Some(told) = self.next_within(patience).await? {
            match (told, &plotted) {
                (Told::Finished(finished), None) => plotted = Some(finished),
                (Told::Finished(_), Some(_)) => panic!("finished twice"),
                (Told::Chunk(chunk), Some(_)) => {
                    assert!(!chunk.is_empty() && chunk.len() <= (2 << 20) * 9 / 10);
                    sector.extend(chunk);
                }
                (Told::Chunk(_), None) => panic!("a chunk before the sector is finished"),
                (Told::Error(_) | Told::Occupied, _) => return Err(()),
                (told, Some(_)) => panic!("{told:?} after the sector was finished"),
                (_, None) => {}
            }
        }
        assert_eq!(sector.len(), expected);
        Ok((plotted.unwrap(), sector))
    }
}
