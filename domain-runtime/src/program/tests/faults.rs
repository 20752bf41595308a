//! Programs that are none are refused with the fault.

use super::orders::mlp;
use crate::program::{
    Function, Operand, Operation, OperatorFault, Program, ProgramError, SlotKind, View, training,
};

/// The step of a small order.
fn step() -> Program {
    training(&mlp((3, 2), &[4], 2)).unwrap().step
}

/// The place of the first product.
fn product(program: &Program) -> usize {
    let mut operators = program.operators.iter();
    operators.position(|one| matches!(one.operation, Operation::Product { .. })).unwrap()
}

/// The fault of the first product after a change.
fn fault(change: impl FnOnce(&mut Operation)) -> OperatorFault {
    let mut program = step();
    let place = product(&program);
    change(&mut program.operators[place].operation);
    match program.check() {
        Err(ProgramError::Operator { fault, operator, .. }) if operator == place => fault,
        other => panic!("{other:?}"),
    }
}

fn left(operation: &mut Operation) -> &mut View {
    match operation {
        Operation::Product { left, .. } => left,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_view_beyond_its_slot_is_refused() {
    let found = fault(|operation| left(operation).offset = 1);
    assert!(matches!(found, OperatorFault::Beyond { element: 6, element_count: 6, .. }), "{found}");
    let found = fault(|operation| left(operation).strides = [u32::MAX; 6]);
    assert!(matches!(found, OperatorFault::Beyond { .. }), "{found}");
}

#[test]
fn a_slot_that_is_not_there_or_not_written_is_refused() {
    let found = fault(|operation| left(operation).slot = u16::MAX);
    assert_eq!(found, OperatorFault::Unwritten(u16::MAX));
    let mut program = step();
    program.operators.remove(0);
    assert!(matches!(
        program.check(),
        Err(ProgramError::Operator { operator: 0, fault: OperatorFault::Unwritten(_), .. })
    ));
}

#[test]
fn a_block_of_another_length_is_refused() {
    for wrong in [0, 513] {
        let found = fault(|operation| match operation {
            Operation::Product { depth, .. } => *depth = wrong,
            other => panic!("{other:?}"),
        });
        assert_eq!(found, OperatorFault::Length { length: wrong, max: 512 });
    }
}

#[test]
fn operands_that_a_function_does_not_take_are_refused() {
    let found = fault(|operation| {
        let operands = [Operand::Constant(0)].into();
        *operation = Operation::Map { function: Function::Add, operands };
    });
    assert_eq!(found, OperatorFault::Operands { expected: 2, found: 1 });
}

#[test]
fn an_operator_may_overwrite_what_it_reads_only_place_by_place() {
    let mut program = step();
    let place = product(&program);
    let output = program.operators[place].output;
    // The bias is added in the place of the product behind it.
    let Operation::Map { operands, .. } = &mut program.operators[place + 1].operation else {
        panic!("the bias follows")
    };
    let Operand::Slot(view) = &mut operands[0] else { panic!("a slot") };
    assert_eq!(view.slot, output);
    view.strides.swap(0, 1);
    let found = program.check();
    assert!(matches!(
        found,
        Err(ProgramError::Operator {
            fault: OperatorFault::Aliased(_) | OperatorFault::Beyond { .. },
            ..
        })
    ));
}

#[test]
fn sides_that_are_not_those_of_the_output_are_refused() {
    let mut program = step();
    let place = product(&program);
    program.operators[place].shape[0] += 1;
    assert!(matches!(
        program.check(),
        Err(ProgramError::Operator {
            fault: OperatorFault::Sides { sides: 12, element_count: 8 },
            ..
        })
    ));
}

#[test]
fn slots_out_of_order_are_refused() {
    let mut program = step();
    program.slots[3].kind = SlotKind::Scratch;
    assert!(matches!(program.check(), Err(ProgramError::Slot { slot: 4, .. })));
    let mut program = step();
    program.slots[0].element_count = 0;
    assert!(matches!(program.check(), Err(ProgramError::Slot { slot: 0, .. })));
}

#[test]
fn a_file_is_never_written() {
    let mut program = step();
    let file = u16::try_from(program.slots.len() - 1).unwrap();
    program.operators[0].output = file;
    let fault = OperatorFault::Output(file);
    let expected = ProgramError::Operator { operator: 0, name: "features", fault };
    assert_eq!(program.check(), Err(expected));
}

#[test]
fn the_first_step_must_make_the_whole_state() {
    let mut computation = training(&mlp((3, 2), &[4], 2)).unwrap();
    assert_eq!(computation.check(), Ok(()));
    computation.initial.operators.pop();
    assert!(matches!(computation.check(), Err(ProgramError::NotInitial { slot: 13, .. })));
    computation.initial.slots.pop();
    let expected = ProgramError::StateMismatch { initial: 13, step: 14 };
    assert_eq!(computation.check(), Err(expected));
}
