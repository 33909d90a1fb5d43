// Package ordered does work on several cores and hands its results on in order.
package ordered

import "iter"

// Map yields f of each value of in, in order. Up to workers calls of f run at a
// time, and few results wait. It stops at the first error, of in or of f.
func Map[T, U any](in iter.Seq2[T, error], workers int, f func(T) (U, error)) iter.Seq2[U, error] {
	type result struct {
		v   U
		err error
	}
	return func(yield func(U, error) bool) {
		results := make(chan chan result, workers) // of each value of in
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			defer close(results)
			running := make(chan struct{}, workers)
			for x, err := range in {
				r := make(chan result, 1)
				select {
				case results <- r:
				case <-stop:
					return
				}
				if err != nil {
					r <- result{err: err}
					return
				}
				running <- struct{}{}
				go func() {
					v, err := f(x)
					<-running
					r <- result{v, err}
				}()
			}
		}()
		for r := range results {
			if r := <-r; !yield(r.v, r.err) || r.err != nil {
				break
			}
		}
		close(stop)
		for r := range results {
			<-r
		}
		<-stopped // nothing reads in or runs f any more
	}
}
