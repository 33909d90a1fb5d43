package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// soak is how servers did that were ended and begun again, half of the times as an operator
// does it (SIGTERM), half as a kernel does (SIGKILL).
type soak struct {
	Seconds    float64 `json:"seconds"`
	Servers    int     `json:"servers"` // that were begun
	Terminated int     `json:"terminated"`
	Killed     int     `json:"killed"`
	Answered   int     `json:"answered"` // as they must be
	Refused    int     `json:"refused"`  // with 429
	Cut        int     `json:"cut"`      // unanswered, as their server was killed or ended
	Failed     int     `json:"failed"`   // in any other way; a wrong picture is one
	Failure    string  `json:"failure,omitempty"`

	// Of terminated servers: the longest time until they had ended, and how many requests that
	// were sent before, by a tenth of a second, were not answered.
	LongestEnd float64 `json:"longest_end_s"`
	Dropped    int     `json:"dropped"`

	AnsweredMs quantiles `json:"answered_ms"`
	// The last server's, which is not ended for the last third of the time, as in report.
	Memory     [2]float64 `json:"memory_mb"`
	Goroutines [2]float64 `json:"goroutines"`
}

func (s *soak) failure() error {
	switch {
	case s.Failed > 0:
		return fmt.Errorf("%d requests failed, one of them: %s", s.Failed, s.Failure)
	case s.Dropped > 0:
		return fmt.Errorf("%d requests were dropped by servers that were to end when they had answered", s.Dropped)
	}
	return grown(s.Memory, s.Goroutines)
}

// server is a program that answers.
type server struct {
	cmd    *exec.Cmd
	url    string
	ended  chan struct{} // is closed then
	ending time.Time     // when it was told to; under the soak's lock
	how    syscall.Signal
}

// begin starts this program's server on a free port.
func begin(program []string) (*server, error) {
	cmd := exec.Command(program[0], append(program[1:], "-addr", "127.0.0.1:0", "-dir", "", "-log", "off", "-grace", "30s")...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	s := &server{cmd: cmd, url: regexp.MustCompile(`http://[0-9.:]+/`).FindString(line), ended: make(chan struct{})}
	go func() { cmd.Wait(); close(s.ended) }()
	if s.url == "" {
		return nil, fmt.Errorf("%s does not begin: %q", strings.Join(program, " "), line)
	}
	return s, nil
}

// soakFor keeps clients asking for d, while servers come and go.
func soakFor(ctx context.Context, program []string, cases []request, d time.Duration) (*soak, error) {
	const clients = 12
	r := &soak{}
	var mu sync.Mutex
	var answered []float64
	var now *server
	current := func() *server { mu.Lock(); defer mu.Unlock(); return now }
	next := func() error {
		s, err := begin(program)
		if err == nil {
			mu.Lock()
			now = s
			r.Servers++
			mu.Unlock()
		}
		return err
	}
	if err := next(); err != nil {
		return nil, err
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(i)))
			for ctx.Err() == nil {
				s := current()
				c := newClient(s.url)
				for ctx.Err() == nil && current() == s {
					q := cases[random.IntN(len(cases))]
					from := time.Now()
					status, err := c.send(q)
					mu.Lock()
					switch {
					case err == nil && status == 429:
						r.Refused++
					case err == nil:
						r.Answered++
						answered = append(answered, msSince(from))
					case s.ending.IsZero() || errors.As(err, new(wrong)):
						r.Failed++
						r.Failure = err.Error()
					case s.how == syscall.SIGTERM && from.Before(s.ending.Add(-time.Second/10)) && !errors.Is(err, syscall.ECONNREFUSED):
						r.Dropped++
						r.Cut++
					default:
						r.Cut++
					}
					mu.Unlock()
					if err != nil || status == 429 {
						time.Sleep(time.Duration(50+random.IntN(100)) * time.Millisecond)
					}
				}
				c.http.CloseIdleConnections()
			}
		})
	}
	random := rand.New(rand.NewPCG(1, 1))
	for time.Since(start) < d*2/3 && ctx.Err() == nil {
		pause := min(d/10, time.Duration(5+random.IntN(20))*time.Second)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			continue
		}
		old := current()
		mu.Lock()
		old.how, old.ending = []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[r.Servers%2], time.Now()
		mu.Unlock()
		if old.how == syscall.SIGKILL {
			r.Killed++
		} else {
			r.Terminated++
		}
		old.cmd.Process.Signal(old.how)
		if err := next(); err != nil { // beside the old one, as a deployment does it
			return nil, err
		}
		<-old.ended
		if old.how == syscall.SIGTERM {
			r.LongestEnd = max(r.LongestEnd, time.Since(old.ending).Seconds())
		}
	}
	measure := func(at int) error {
		c := newClient(current().url)
		defer c.http.CloseIdleConnections()
		return c.measure(&r.Memory, &r.Goroutines, at)
	}
	select { // until the last server has warmed up
	case <-time.After(d / 12):
	case <-ctx.Done():
	}
	err := measure(0)
	<-ctx.Done()
	all.Wait()
	r.Seconds = time.Since(start).Seconds()
	r.AnsweredMs = newQuantiles(answered)
	time.Sleep(100 * time.Millisecond) // connections end
	err = errors.Join(err, measure(1))
	last := current()
	last.cmd.Process.Signal(syscall.SIGTERM)
	<-last.ended
	return r, err
}

// ownServer is the command that serves: this program's own where it is dit8, else the one beside it.
func ownServer() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(filepath.Base(self), "dit8") {
		return []string{self, "serve"}, nil
	}
	return []string{filepath.Join(filepath.Dir(self), "serve")}, nil
}
