// Runs the blocks of a kernel on the host, thread by thread; see `emulation.h`.
#define EMULATION_SHARED "shared_of_no_kernel"
#include "emulation.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

extern const EmulationKernel *const emulated_kernels[];

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr uint32_t threads_max = 1024;
constexpr uint32_t lanes = 32;
constexpr size_t stack_bytes = 64 * 1024;
// Spoils shared memory and marks the far end of each stack.
constexpr unsigned char spoil = 0xa5;

enum class State { runs, waits_for_block, waits_for_lanes, is_done };

struct Fiber {
    State state;
    uint32_t line;
    uint32_t mask;
    uint64_t value;
    // What the lanes of the last exchange gave: in the first of them, for all of them.
    uint64_t values[lanes];
    const uint64_t *given;
#if defined(__x86_64__)
    void *stack_pointer;
#else
    ucontext_t context;
#endif
};

Fiber fibers[threads_max];
char *stacks = nullptr;
uint32_t current = 0;
bool is_in_fiber = false;
const EmulationKernel *kernel = nullptr;
EmulationArguments arguments;
char *message = nullptr;
uint32_t message_bytes = 0;

void set_thread(uint32_t thread) {
    current = thread;
    threadIdx = {thread, 0, 0};
}

void run_thread();

#if defined(__x86_64__)
void *scheduler_pointer;

// Saves what a function must keep on the stack of one side and takes it from the stack of the other.
extern "C" void emulation_switch(void **from, void *to);
asm(R"(
    .text
    .globl emulation_switch
    .type emulation_switch, @function
emulation_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size emulation_switch, . - emulation_switch
)");

void prepare(Fiber &fiber, char *stack) {
    void **top = reinterpret_cast<void **>(stack + stack_bytes);
    // Six registers, where to start, and a place for the return address that the ABI aligns by.
    void **pointer = top - 8;
    memset(pointer, 0, 8 * sizeof *pointer);
    pointer[6] = reinterpret_cast<void *>(run_thread);
    fiber.stack_pointer = pointer;
}

void enter(Fiber &fiber) { emulation_switch(&scheduler_pointer, fiber.stack_pointer); }
void leave(Fiber &fiber) { emulation_switch(&fiber.stack_pointer, scheduler_pointer); }
#else
ucontext_t scheduler_context;

void prepare(Fiber &fiber, char *stack) {
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = stack;
    fiber.context.uc_stack.ss_size = stack_bytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, run_thread, 0);
}

void enter(Fiber &fiber) { swapcontext(&scheduler_context, &fiber.context); }
void leave(Fiber &fiber) { swapcontext(&fiber.context, &scheduler_context); }
#endif

void run_thread() {
    kernel->call(arguments);
    Fiber &fiber = fibers[current];
    fiber.state = State::is_done;
    leave(fiber);
    abort();
}

void stop_here(State state, uint32_t line) {
    if (!is_in_fiber) {
        // The build found no barrier in the source, yet here is one.
        fprintf(stderr, "emulation: %s waits at line %u without fibers\n", kernel->name, line);
        abort();
    }
    Fiber &fiber = fibers[current];
    fiber.state = state;
    fiber.line = line;
    leave(fiber);
}

// The lanes of `mask` that exist in the warp that starts at thread `first`.
uint32_t present(uint32_t mask, uint32_t first, uint32_t thread_count) {
    const uint32_t left = thread_count - first;
    return left >= lanes ? mask : mask & ((1u << left) - 1);
}

// Lets the lanes go on that wait for each other and have all come.
bool release_lanes(uint32_t thread_count) {
    bool is_any = false;
    for (uint32_t first = 0; first < thread_count; first += lanes) {
        for (uint32_t lane = 0; lane < lanes && first + lane < thread_count; lane++) {
            Fiber &leader = fibers[first + lane];
            if (leader.state != State::waits_for_lanes) continue;
            const uint32_t mask = present(leader.mask, first, thread_count);
            bool have_come = (mask >> lane & 1) != 0;
            for (uint32_t other = 0; other < lanes && have_come; other++) {
                if ((mask >> other & 1) == 0) continue;
                const Fiber &fiber = fibers[first + other];
                have_come = fiber.state == State::waits_for_lanes && fiber.line == leader.line &&
                            fiber.mask == leader.mask;
            }
            if (!have_come) continue;
            is_any = true;
            for (uint32_t other = 0; other < lanes; other++) {
                leader.values[other] = 0;
                if ((mask >> other & 1) == 0) continue;
                Fiber &fiber = fibers[first + other];
                leader.values[other] = fiber.value;
                fiber.given = leader.values;
                fiber.state = State::runs;
            }
        }
    }
    return is_any;
}

// Lets the whole block go on when every thread waits at the same barrier.
bool release_block(uint32_t thread_count) {
    for (uint32_t thread = 0; thread < thread_count; thread++) {
        const Fiber &fiber = fibers[thread];
        if (fiber.state != State::waits_for_block || fiber.line != fibers[0].line) return false;
    }
    for (uint32_t thread = 0; thread < thread_count; thread++) fibers[thread].state = State::runs;
    return true;
}

bool is_finished(uint32_t thread_count) {
    for (uint32_t thread = 0; thread < thread_count; thread++) {
        if (fibers[thread].state != State::is_done) return false;
    }
    return true;
}

const char *name(State state) {
    switch (state) {
        case State::runs: return "runs";
        case State::waits_for_block: return "waits for the block";
        case State::waits_for_lanes: return "waits for lanes";
        default: return "is done";
    }
}

// Says which two threads went different ways.
void report_divergence(uint32_t thread_count) {
    uint32_t other = 1;
    while (other + 1 < thread_count && fibers[other].state == fibers[0].state &&
           fibers[other].line == fibers[0].line) {
        other++;
    }
    snprintf(message, message_bytes,
             "divergent barrier in block %u, %u, %u: thread 0 %s (line %u), thread %u %s (line %u)",
             blockIdx.x, blockIdx.y, blockIdx.z, name(fibers[0].state), fibers[0].line, other,
             name(fibers[other].state), fibers[other].line);
}

bool run_fibers(uint32_t thread_count, bool is_reversed) {
    for (uint32_t thread = 0; thread < thread_count; thread++) {
        fibers[thread].state = State::runs;
        prepare(fibers[thread], stacks + thread * stack_bytes);
    }
    is_in_fiber = true;
    bool is_whole = true;
    do {
        for (uint32_t turn = 0; turn < thread_count; turn++) {
            const uint32_t thread = is_reversed ? thread_count - 1 - turn : turn;
            if (fibers[thread].state != State::runs) continue;
            set_thread(thread);
            enter(fibers[thread]);
        }
        if (release_lanes(thread_count) || release_block(thread_count)) continue;
        if (!is_finished(thread_count)) {
            report_divergence(thread_count);
            is_whole = false;
        }
        break;
    } while (true);
    is_in_fiber = false;
    return is_whole;
}

bool run_block(uint32_t thread_count) {
    const size_t shared_bytes = static_cast<size_t>(kernel->shared_stop - kernel->shared_start);
    memset(kernel->shared_start, spoil, shared_bytes);
    // Every second block runs backwards, which shows where the order of threads matters.
    const bool is_reversed = (blockIdx.x + blockIdx.y + blockIdx.z) % 2 == 1;
    if (kernel->has_barriers) return run_fibers(thread_count, is_reversed);
    for (uint32_t turn = 0; turn < thread_count; turn++) {
        set_thread(is_reversed ? thread_count - 1 - turn : turn);
        kernel->call(arguments);
    }
    return true;
}

bool are_stacks_whole(uint32_t thread_count) {
    for (uint32_t thread = 0; thread < thread_count; thread++) {
        const char *end = stacks + thread * stack_bytes;
        for (size_t byte = 0; byte < 64; byte++) {
            if (static_cast<unsigned char>(end[byte]) != spoil) return false;
        }
    }
    return true;
}

bool make_stacks() {
    if (stacks != nullptr) return true;
    stacks = static_cast<char *>(aligned_alloc(4096, threads_max * stack_bytes));
    if (stacks == nullptr) return false;
    for (uint32_t thread = 0; thread < threads_max; thread++) {
        memset(stacks + thread * stack_bytes, spoil, 64);
    }
    return true;
}

const EmulationKernel *find(const char *wanted) {
    for (const EmulationKernel *const *entry = emulated_kernels; *entry != nullptr; entry++) {
        if (strcmp((*entry)->name, wanted) == 0) return *entry;
    }
    return nullptr;
}

bool run_grid(uint32_t thread_count) {
    for (uint32_t z = 0; z < gridDim.z; z++) {
        for (uint32_t y = 0; y < gridDim.y; y++) {
            for (uint32_t x = 0; x < gridDim.x; x++) {
                blockIdx = {x, y, z};
                if (!run_block(thread_count)) return false;
            }
        }
    }
    return true;
}

bool complain(const char *text) {
    snprintf(message, message_bytes, "%s", text);
    return false;
}

bool launch(const char *wanted, const uint32_t *workgroups, uint32_t thread_count) {
    kernel = find(wanted);
    if (kernel == nullptr) return complain("there is no such kernel");
    if (!kernel->fits(arguments.count)) return complain("the buffers are not those of the kernel");
    if (thread_count == 0 || thread_count > threads_max) return complain("not a size of a block");
    if (!make_stacks()) return complain("no memory for stacks");
    gridDim = {workgroups[0], workgroups[1], workgroups[2]};
    blockDim = {thread_count, 1, 1};
    if (!run_grid(thread_count)) return false;
    return are_stacks_whole(thread_count) || complain("a thread used up its stack");
}

}  // namespace

void emulation_barrier(uint32_t line) { stop_here(State::waits_for_block, line); }

const uint64_t *emulation_exchange(uint32_t mask, uint64_t value, uint32_t line) {
    Fiber &fiber = fibers[current];
    fiber.mask = mask;
    fiber.value = value;
    stop_here(State::waits_for_lanes, line);
    return fiber.given;
}

uint32_t emulation_lane() { return threadIdx.x % lanes; }

// What the host calls; one call at a time. Gives 0, or 1 and a message that ends with a zero byte.
struct EmulationLaunch {
    const char *name;
    uint32_t *const *buffers;
    const uint32_t *lengths;
    uint32_t buffer_count;
    uint32_t thread_count;
    uint32_t workgroups[3];
    uint32_t message_bytes;
    char *message;
};

extern "C" int32_t aipot_emulation_launch(const EmulationLaunch *wanted) {
    message = wanted->message;
    message_bytes = wanted->message_bytes;
    arguments = {wanted->buffers, wanted->lengths, wanted->buffer_count};
    return launch(wanted->name, wanted->workgroups, wanted->thread_count) ? 0 : 1;
}
