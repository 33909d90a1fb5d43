// Package command tries a running server with twice the requests that it can answer,
// and prints how it went as JSON. Every image is compared with its golden hash.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"time"

	"dit8/internal/usage"
)

const help = `load tries a server on this machine with twice the requests that it can answer. With -simulate
it measures how long they take one after the other, and simulates 1, 10 and 100 such servers.

  load -url http://127.0.0.1:8080/ [-duration 1m] [-simulate [-price 0.09]]
  load -soak 1h    begins servers of its own, ends and kills them between, and checks all pictures

`

// Run is run until the program is interrupted.
func Run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return run(ctx, args, stdout, stderr)
}

// run returns the exit code: 0, 1 where the server did not do well, 2 where the
// command line is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	target := f.String("url", "http://127.0.0.1:8080/", "`address` of the server, on this machine")
	duration := f.Duration("duration", time.Minute, "how long, up to ten minutes; a fifth of it finds the capacity")
	simulated := f.Bool("simulate", false, "print, as Markdown, how many such servers would do")
	price := f.Float64("price", 0.09, "of -simulate: what a machine as this one costs an hour, in `dollars`")
	soaking := f.Duration("soak", 0, "how `long` servers of its own are tried, which are ended and killed between")
	f.SetOutput(io.Discard)
	err := f.Parse(args)
	if err == nil {
		err = check(*target, *duration)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage.Print(stdout, help, f)
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "load:", err)
		return 2
	}
	cases, err := mix()
	if err != nil {
		fmt.Fprintln(stderr, "load:", err)
		return 1
	}
	if *soaking > 0 {
		program, err := ownServer()
		if err == nil {
			var r *soak
			if r, err = soakFor(ctx, program, cases, *soaking); err == nil {
				err = told(stdout, r, r.failure())
			}
		}
		return end(err, stderr)
	}
	c := newClient(*target)
	if *simulated {
		ms, err := c.times(cases, *duration)
		if err == nil {
			_, err = io.WriteString(stdout, simulation(ms, *price))
		}
		return end(err, stderr)
	}
	r, err := c.load(ctx, cases, *duration)
	if err == nil {
		err = told(stdout, r, r.failure())
	}
	return end(err, stderr)
}

// told prints a report, and returns what was wrong.
func told(w io.Writer, report any, failure error) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return errors.Join(e.Encode(report), failure)
}

// end is the exit code.
func end(err error, stderr io.Writer) int {
	if err != nil {
		fmt.Fprintln(stderr, "load:", err)
		return 1
	}
	return 0
}

// check keeps the load on this machine and within bounds.
func check(target string, d time.Duration) error {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" || !net.ParseIP(u.Hostname()).IsLoopback() {
		return fmt.Errorf("-url is %q, allowed: http:// and an address of this machine, as in http://127.0.0.1:8080/", target)
	}
	if d < time.Second || d > 10*time.Minute {
		return fmt.Errorf("-duration is %v, allowed: 1s to 10m", d)
	}
	return nil
}
