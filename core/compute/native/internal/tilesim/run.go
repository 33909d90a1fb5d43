//go:build linux && amd64

package tilesim

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// ErrRefused is that the system lets nobody trace a program.
var ErrRefused = errors.New("ptrace is refused")

// Result is how a program ended.
type Result struct {
	Status       syscall.WaitStatus
	Instructions int   // of tiles that were done for it
	Refused      error // the last one that was not, if any: the program got SIGILL
	Unreleased   int   // threads that ended, or were there at the end, with tiles
}

// Run runs a program whose outputs go to out. args start with its name.
func Run(path string, args, env []string, out *os.File) (Result, error) {
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	pid, err := syscall.ForkExec(path, args, &syscall.ProcAttr{
		Env: env, Files: []uintptr{0, out.Fd(), out.Fd()}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	var status syscall.WaitStatus
	if _, err := wait(pid, &status); err != nil {
		return Result{}, err
	}
	const exitKill = 0x100000 // PTRACE_O_EXITKILL
	if !status.Stopped() {
		return Result{}, fmt.Errorf("%w: the program ended with %#x", ErrRefused, status)
	}
	if err := syscall.PtraceSetOptions(pid, syscall.PTRACE_O_TRACECLONE|exitKill); err != nil {
		syscall.Kill(pid, syscall.SIGKILL)
		return Result{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	mem, err := syscall.Open(fmt.Sprintf("/proc/%d/mem", pid), syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		syscall.Kill(pid, syscall.SIGKILL)
		return Result{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	defer syscall.Close(mem)
	t := tracer{threads: map[int]*tiles{pid: {}}, mem: processMemory{mem}}
	if err := syscall.PtraceCont(pid, 0); err != nil {
		return Result{}, err
	}
	err = t.loop(pid)
	return t.result, err
}

// wait waits for a thread that this one traces, or for any of them.
func wait(pid int, status *syscall.WaitStatus) (tid int, err error) {
	for {
		tid, err = syscall.Wait4(pid, status, syscall.WALL|syscall.WNOTHREAD, nil)
		if err != syscall.EINTR {
			return tid, err
		}
	}
}

type tracer struct {
	threads map[int]*tiles
	mem     processMemory
	result  Result
}

// loop lets threads run, from stop to stop, until the program ends.
func (t *tracer) loop(pid int) error {
	for {
		var status syscall.WaitStatus
		tid, err := wait(-1, &status)
		if err != nil {
			return err
		}
		if status.Exited() || status.Signaled() {
			if s := t.threads[tid]; s != nil && s.configured {
				t.result.Unreleased++
			}
			delete(t.threads, tid)
			if tid == pid { // the first thread's end is told last
				t.result.Status = status
				return nil
			}
			continue
		}
		signal := t.stopped(tid, status)
		if err := syscall.PtraceCont(tid, int(signal)); err != nil && err != syscall.ESRCH { // which has been killed
			return err
		}
	}
}

// stopped returns the signal that a stopped thread goes on with.
func (t *tracer) stopped(tid int, status syscall.WaitStatus) syscall.Signal {
	signal := status.StopSignal()
	s, known := t.threads[tid]
	if !known {
		s = &tiles{}
		t.threads[tid] = s
		if signal == syscall.SIGSTOP { // as every new thread does
			return 0
		}
	}
	switch {
	case signal == syscall.SIGTRAP && status.TrapCause() > 0: // it made a thread
		return 0
	case signal == syscall.SIGILL:
		return t.emulate(tid, s)
	}
	return signal
}

// emulate does the instruction that the processor refused, and those of tiles that
// follow it.
func (t *tracer) emulate(tid int, s *tiles) syscall.Signal {
	var r syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(tid, &r); err != nil {
		return syscall.SIGILL
	}
	general := [16]uint64{r.Rax, r.Rcx, r.Rdx, r.Rbx, r.Rsp, r.Rbp, r.Rsi, r.Rdi, r.R8, r.R9, r.R10, r.R11, r.R12, r.R13, r.R14, r.R15}
	signal := syscall.SIGILL // if it is no instruction of tiles
	for {
		var code [maxCode]byte
		syscall.Pread(t.mem.fd, code[:], int64(r.Rip)) // which may end before
		i, ok := decode(code, &general)
		if !ok {
			break
		}
		if err := s.do(i, t.mem); err != nil {
			t.result.Refused, signal = fmt.Errorf("%#x: %w", r.Rip, err), syscall.SIGILL
			if errors.Is(err, errFault) {
				signal = syscall.SIGSEGV
			}
			break
		}
		t.result.Instructions++
		r.Rip += uint64(i.size)
		signal = 0
	}
	if err := syscall.PtraceSetRegs(tid, &r); err != nil {
		return syscall.SIGILL
	}
	return signal
}

// processMemory is /proc/…/mem.
type processMemory struct{ fd int }

func (m processMemory) read(b []byte, address uint64) error {
	if n, _ := syscall.Pread(m.fd, b, int64(address)); n < len(b) {
		return fmt.Errorf("read at %#x: %w", address, errFault)
	}
	return nil
}

func (m processMemory) write(b []byte, address uint64) error {
	if n, _ := syscall.Pwrite(m.fd, b, int64(address)); n < len(b) {
		return fmt.Errorf("write at %#x: %w", address, errFault)
	}
	return nil
}
