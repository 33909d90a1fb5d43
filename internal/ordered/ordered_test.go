package ordered

import (
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"time"
)

func count(n int, err error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

func TestMap(t *testing.T) {
	var running, most atomic.Int32
	i := 0
	for v, err := range Map(count(100, nil), 4, func(x int) (int, error) {
		most.Store(max(most.Load(), running.Add(1)))
		time.Sleep(time.Duration(x%7) * 100 * time.Microsecond)
		running.Add(-1)
		return x * x, nil
	}) {
		if v != i*i || err != nil {
			t.Fatalf("result %d is %d, %v", i, v, err)
		}
		i++
	}
	if i != 100 || most.Load() > 4 || most.Load() < 2 {
		t.Errorf("%d results, up to %d at a time", i, most.Load())
	}
}

func TestErrors(t *testing.T) {
	bad := errors.New("bad")
	for name, seq := range map[string]iter.Seq2[int, error]{
		"of in": Map(count(5, bad), 3, func(x int) (int, error) { return x, nil }),
		"of f": Map(count(1000, nil), 3, func(x int) (int, error) {
			if x == 5 {
				return 0, bad
			}
			return x, nil
		}),
	} {
		n := 0
		var last error
		for _, err := range seq {
			if last = err; err == nil {
				n++
			}
		}
		if n != 5 || last != bad {
			t.Errorf("an error %s: %d results, then %v", name, n, last)
		}
	}
}

// One who stops early leaves nothing running.
func TestBreak(t *testing.T) {
	var calls atomic.Int32
	for v := range Map(count(1000, nil), 2, func(x int) (int, error) { calls.Add(1); return x, nil }) {
		if v == 3 {
			break
		}
	}
	n := calls.Load()
	time.Sleep(5 * time.Millisecond)
	if calls.Load() != n || n > 20 {
		t.Errorf("%d calls, then %d", n, calls.Load())
	}
}
