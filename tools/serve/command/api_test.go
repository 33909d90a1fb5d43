package command

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"dit8/weights/weightstest"
)

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs the program on a free port. stop ends it and returns the exit code.
func start(t *testing.T, args ...string) (url string, log *buffer, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, w := io.Pipe()
	log = &buffer{}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, nil, append([]string{"-addr", "127.0.0.1:0"}, args...), w, log)
		w.Close()
	}()
	line := make([]byte, 200)
	n, _ := r.Read(line)
	if url = regexp.MustCompile(`http://[0-9.:]+/`).FindString(string(line[:n])); url == "" {
		t.Fatalf("%q %s", line[:n], log)
	}
	return url, log, func() int {
		cancel()
		select {
		case c := <-code:
			return c
		case <-time.After(3 * time.Minute):
			t.Fatal("it does not stop")
			return 0
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// The API answers beside the page; the log and the metrics tell of it.
func TestAPI(t *testing.T) {
	t.Setenv("DIT8_MAX_STEPS", "9")
	url, log, stop := start(t, "-dir", built(t))
	status, picture := get(t, url+"v1/images?prompt=fox&seed=1&steps=4&guidance=1")
	if golden := weightstest.Pixels(t)[0]; status != 200 || !strings.Contains(picture, golden.SHA256) { // of this request
		t.Errorf("%d, not the golden image", status)
	}
	if status, text := get(t, url+"v1/images?class=fox&steps=10"); status != 400 || !strings.Contains(text, "1 to 9") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := get(t, url); status != 200 || text != "<p>page" {
		t.Errorf("%d %s", status, text)
	}
	status, text := get(t, url+"metrics")
	for _, want := range []string{
		`dit8_requests_total{code="200",method="GET",path="/v1/images"} 1`, `dit8_requests_total{code="400",method="GET",path="/v1/images"} 1`,
		`dit8_request_seconds_count{path="/v1/images"} 2`, "dit8_images_total 1", "dit8_steps_total 4", "dit8_computing 0", "dit8_waiting 0", "go_goroutines",
	} {
		if status != 200 || !strings.Contains(text, want) {
			t.Errorf("metrics have no %s", want)
		}
	}
	if c := stop(); c != 0 {
		t.Errorf("exit %d: %s", c, log)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "method=GET path=/v1/images status=200") || !strings.Contains(lines[1], "status=400") {
		t.Errorf("log:\n%s", log)
	}
}

// What runs when the server is told to stop is answered.
func TestGracefulStop(t *testing.T) {
	url, log, stop := start(t, "-dir", "", "-grace", "2m")
	answered := make(chan int, 1)
	go func() {
		res, err := http.Get(url + "v1/images?class=fox&steps=100&n=4")
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		defer res.Body.Close()
		answered <- res.StatusCode
	}()
	for range 1000 {
		if _, text := get(t, url+"metrics"); strings.Contains(text, "dit8_computing 1\n") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if c := stop(); c != 0 {
		t.Errorf("exit %d: %s", c, log)
	}
	if status := <-answered; status != 200 {
		t.Errorf("status %d", status)
	}
	if _, err := http.Get(url + "healthz"); err == nil {
		t.Error("it still answers")
	}
}

func TestBadEnvironment(t *testing.T) {
	t.Setenv("DIT8_MAX_COUNT", "many")
	var out, errs bytes.Buffer
	if code := run(context.Background(), nil, []string{"-dir", ""}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "DIT8_MAX_COUNT") {
		t.Errorf("exit %d: %s", code, &errs)
	}
}
