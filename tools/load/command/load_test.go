package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The server under twice its capacity, for a few seconds: "make bench-edge" has the
// whole minute.
func TestLoad(t *testing.T) {
	server := filepath.Join(t.TempDir(), "serve")
	if out, err := exec.Command("go", "build", "-o", server, "../../serve").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(server, "-addr", "127.0.0.1:0", "-dir", "", "-log", "off")
	cmd.Env = append(os.Environ(), "DIT8_MAX_WAITING=4") // so that a few seconds are enough to fill it
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	url := regexp.MustCompile(`http://[0-9.:]+/`).FindString(line)
	var report, problems bytes.Buffer
	code := run(context.Background(), []string{"-url", url, "-duration", "4s"}, &report, &problems)
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server: %v: %s", err, &errs)
	}
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, &problems, &report)
	}
	t.Log(&report)
}

// A server that answers wrongly is found out.
func TestWrongAnswers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"pixels": func(w http.ResponseWriter, r *http.Request) {
			json.NewEncoder(w).Encode(map[string]any{"data": []any{}})
		},
		"500": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) },
		"429": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(429) },
	} {
		s := httptest.NewServer(answer)
		var out, errs bytes.Buffer
		if code := run(context.Background(), []string{"-url", s.URL, "-duration", "1s"}, &out, &errs); code != 1 || !strings.Contains(errs.String(), name) {
			t.Errorf("%s: exit %d: %s", name, code, &errs)
		}
		s.Close()
	}
	for _, r := range []report{{Failed: 1, Refused: 1}, {Sent: 1}, {Refused: 1, Memory: [2]float64{50, 100}}, {Refused: 1, Goroutines: [2]float64{50, 100}}} {
		if r.failure() == nil {
			t.Errorf("%+v is fine", r)
		}
	}
}

func TestBadCommands(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"-url is", []string{"-url", "http://example.org/"}},
		{"-url is", []string{"-url", "http://192.0.2.1/"}},
		{"-duration is", []string{"-duration", "1h"}},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), c.args, &out, &errs); code != 2 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("load %v: exit %d: %s", c.args, code, &errs)
		}
	}
}

// The simulation gives what queueing theory says of a queue with equal times (M/D/1, by
// Pollaczek and Khinchine: the mean wait at load ρ is ρ/(2(1-ρ)) times; at half load the half
// of all wait not at all), and more machines wait less at the same load.
func TestSimulate(t *testing.T) {
	ms := []float64{10}
	one := simulate(ms, 1, 0.5, 1)
	if one.rate != 50 || one.refused != 0 || one.took.P50 < 10 || one.took.P50 > 11 || one.computed < 0.48 || one.computed > 0.52 {
		t.Errorf("%+v", one)
	}
	if over := simulate(ms, 1, 2, 1); over.refused < 0.48 || over.refused > 0.52 || over.took.P50 < 160 || over.took.P99 > 170 {
		t.Errorf("twice the capacity: %+v", over)
	}
	any, two := simulate(ms, 10, 0.8, 1), simulate(ms, 10, 0.8, 2)
	if two.took.P99 >= any.took.P99/1.5 {
		t.Errorf("the emptier of two: %+v, any: %+v", two, any)
	}
	if page := simulation(ms, 0.36); !strings.Contains(page, "| 100 | 80 % | 8000 | emptier of two |") || !strings.Contains(page, "| $0.0020 |") {
		t.Error(page)
	}
}

// Servers that are ended and killed are found to answer as they must, one that draws another picture not.
func TestSoak(t *testing.T) {
	server := filepath.Join(t.TempDir(), "serve")
	if out, err := exec.Command("go", "build", "-o", server, "../../serve").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cases, err := mix()
	if err != nil {
		t.Fatal(err)
	}
	var r *soak
	for d := 4 * time.Second; d < 2*time.Minute; d *= 3 { // longer where the machine is slow
		if r, err = soakFor(context.Background(), []string{server}, cases, d); err != nil {
			t.Fatal(err)
		}
		if err := r.failure(); err != nil {
			t.Fatalf("%v: %+v", err, r)
		}
		if r.Killed > 0 && r.Terminated > 0 && r.Answered > 10 {
			break
		}
	}
	if r.Killed == 0 || r.Terminated == 0 || r.Answered <= 10 {
		t.Errorf("%+v", r)
	}
	cases[0].check = func([]byte) error { return errors.New("another picture") }
	if r, err = soakFor(context.Background(), []string{server}, cases[:1], time.Second); err != nil || r.Failed == 0 || r.failure() == nil {
		t.Errorf("%v: %+v", err, r)
	}
	for _, r := range []soak{{Dropped: 1}, {Memory: [2]float64{50, 100}}, {Goroutines: [2]float64{50, 100}}} {
		if r.failure() == nil {
			t.Errorf("%+v is fine", r)
		}
	}
	if _, err := soakFor(context.Background(), []string{"false"}, cases, time.Second); err == nil {
		t.Error("a server that does not begin")
	}
}
