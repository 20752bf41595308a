//! However a batch is cut, its sums have the bits of the whole.

use proptest::prelude::*;

use super::*;
use crate::chacha8::ChaChaStream;
use crate::convolution::{
    Geometry, bias_gradient_portable, bias_gradient_rows, weight_gradient_portable,
    weight_gradient_rows,
};
use crate::embedding::{embed_gradient_portable, embed_gradient_rows};
use crate::matmul::{matmul_portable, matmul_rows};
use crate::matrix::Matrix;
use crate::reduction::{sum_columns_portable, sum_columns_rows};

/// What nobody may read.
const GARBAGE: f32 = 1e30;

fn values(stream: &mut ChaChaStream, count: usize) -> Vec<f32> {
    let mut values = vec![0.0; count];
    stream.fill_normal(&mut values);
    values
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The spans of a batch that is cut at some rows.
fn cut(total: usize, cuts: &[usize]) -> Vec<RowSpan> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (total + 1)).collect();
    ends.push(total);
    ends.sort_unstable();
    let mut before = 0;
    let spans = ends.into_iter().map(|end| {
        let span = RowSpan { before, count: end - before, total };
        before = end;
        span
    });
    spans.collect()
}

/// Runs the pieces one after the other over memory that holds anything before the first.
fn in_pieces(
    sum_count: usize,
    spans: &[RowSpan],
    mut piece: impl FnMut(RowSpan, RunningSums<'_>),
) -> Vec<u32> {
    let (mut totals, mut open) = (vec![GARBAGE; sum_count], vec![GARBAGE; sum_count]);
    for &span in spans {
        piece(span, RunningSums { totals: &mut totals, open: &mut open });
    }
    bits(&totals)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cuts_change_no_bit_of_a_product_or_a_column_sum(
        total in 1_usize..1_600,
        cuts in prop::collection::vec(any::<usize>(), 0..6),
        (m, n) in (1_usize..9, 1_usize..40),
    ) {
        let mut stream = ChaChaStream::from_seed([1; 32]);
        let (left, right) = (values(&mut stream, total * m), values(&mut stream, total * n));
        let see = |values, rows, columns| Matrix::new(values, rows, columns).unwrap();
        let expected =
            matmul_portable(see(&left, total, m).transposed(), see(&right, total, n), None).unwrap();
        let spans = cut(total, &cuts);
        let found = in_pieces(m * n, &spans, |span, sums| {
            let rows = span.before..span.before + span.count;
            let left = see(&left[rows.start * m..rows.end * m], span.count, m).transposed();
            let right = see(&right[rows.start * n..rows.end * n], span.count, n);
            matmul_rows(left, right, span, sums).unwrap();
        });
        prop_assert_eq!(found, bits(&expected));
        let expected = sum_columns_portable(see(&right, total, n));
        let found = in_pieces(n, &spans, |span, sums| {
            let rows = span.before * n..(span.before + span.count) * n;
            sum_columns_rows(&right[rows], span, sums).unwrap();
        });
        prop_assert_eq!(found, bits(&expected));
    }

    #[test]
    fn cuts_change_no_bit_of_a_table(
        total in 1_usize..1_600,
        cuts in prop::collection::vec(any::<usize>(), 0..6),
        infinite in prop::option::of(any::<usize>()),
    ) {
        let (rows, width) = (21, 3);
        let mut stream = ChaChaStream::from_seed([2; 32]);
        let mut gradient = values(&mut stream, total * width);
        if let Some(place) = infinite {
            gradient[place % (total * width)] = f32::INFINITY;
        }
        let tokens: Vec<u32> = (0..total).map(|_| stream.next_u32() % 21).collect();
        let expected = embed_gradient_portable(&tokens, &gradient, (rows, width)).unwrap();
        let found = in_pieces(rows * width, &cut(total, &cuts), |span, sums| {
            let rows = span.before..span.before + span.count;
            let gradient = &gradient[rows.start * width..rows.end * width];
            embed_gradient_rows((&tokens[rows], gradient), width, span, sums).unwrap();
        });
        prop_assert_eq!(found, bits(&expected));
    }

    #[test]
    fn cuts_change_no_bit_of_a_convolution(
        batch in 1_usize..5,
        cuts in prop::collection::vec(any::<usize>(), 0..3),
        side in prop::sample::select(vec![5_usize, 25]),
    ) {
        let of = |batch| Geometry {
            batch, channels: 2, height: side, width: side, kernel: 2, outputs: 3, padding: 0, stride: 1,
        };
        let geometry = of(batch);
        let mut stream = ChaChaStream::from_seed([3; 32]);
        let input = values(&mut stream, batch * geometry.input_values());
        let gradient = values(&mut stream, batch * geometry.output_values());
        let of_weight = weight_gradient_portable(geometry, &input, &gradient).unwrap();
        let of_bias = bias_gradient_portable(geometry, &gradient).unwrap();
        let spans = cut(batch, &cuts);
        let images = |values: &'static str, span: RowSpan| {
            let (all, each) = match values {
                "input" => (&input, geometry.input_values()),
                _ => (&gradient, geometry.output_values()),
            };
            &all[span.before * each..(span.before + span.count) * each]
        };
        let found = in_pieces(of_weight.len(), &spans, |span, sums| {
            let pair = (images("input", span), images("gradient", span));
            weight_gradient_rows(of(span.count), pair, span, sums.totals).unwrap();
        });
        prop_assert_eq!(found, bits(&of_weight));
        let found = in_pieces(of_bias.len(), &spans, |span, sums| {
            bias_gradient_rows(of(span.count), images("gradient", span), span, sums.totals).unwrap();
        });
        prop_assert_eq!(found, bits(&of_bias));
    }

    /// Room for an open block is asked for exactly when it is used.
    #[test]
    fn only_cuts_of_later_blocks_need_room(
        total in 0_usize..2_000,
        piece in prop_oneof![1_usize..10, 1_usize..2_000],
    ) {
        let is_used = |span: RowSpan| span.segments().any(|segment| segment.is_later);
        prop_assert_eq!(
            RowSpan::pieces(total, piece).any(is_used),
            RowSpan::cuts_a_later_block(total, piece)
        );
    }
}

#[test]
fn whole_batches_and_whole_blocks_are_summed_in_one_go() {
    for total in [0, 1, 511, 512, 513, 5_000] {
        assert_eq!(RowSpan::whole(total).segments().count(), 1, "{total} rows");
    }
    let blocks = RowSpan { before: 512, count: 1_024, total: 5_000 };
    let segments: Vec<Segment> = blocks.segments().collect();
    let expected = Segment { rows: 0..1_024, start: Start::Total, is_later: false, is_done: false };
    assert_eq!(segments, [expected]);
}

#[test]
fn missing_room_for_an_open_block_is_an_error() {
    let mut totals = [0.0];
    let span = RowSpan { before: 0, count: 513, total: 600 };
    let refused = sum_columns_rows(&[1.0; 513], span, RunningSums::new(&mut totals));
    assert_eq!(refused.unwrap_err().name, "the room for an open block");
}
