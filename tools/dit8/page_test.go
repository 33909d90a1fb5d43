//go:build release && unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"dit8/weights/weightstest"
)

// A release serves the page, the model and the API without a file beside it.
func TestRelease(t *testing.T) {
	t.Chdir(t.TempDir())
	r, w := io.Pipe()
	var log bytes.Buffer
	code := make(chan int, 1)
	go func() { code <- run([]string{"serve", "-addr", "127.0.0.1:0", "-log", "off"}, nil, w, &log); w.Close() }()
	line, _ := bufio.NewReader(r).ReadString('\n')
	url := regexp.MustCompile(`http://[0-9.:]+/`).FindString(line)
	if url == "" {
		t.Fatalf("%q %s", line, &log)
	}
	get := func(path, tag string) (*http.Response, string) {
		t.Helper()
		req, _ := http.NewRequest(http.MethodGet, url+path, nil)
		req.Header.Set("If-None-Match", tag)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(b)
	}
	fs.WalkDir(page, ".", func(name string, d fs.DirEntry, err error) error {
		if d.IsDir() || name == "dit8/models.js" || strings.HasSuffix(name, "index.html") {
			return err
		}
		want, _ := fs.ReadFile(page, name)
		if res, body := get(name, ""); res.StatusCode != 200 || body != string(want) {
			t.Errorf("%s: %s, %d bytes", name, res.Status, len(body))
		}
		return err
	})
	res, body := get("", "")
	want, _ := fs.ReadFile(page, "index.html")
	whole := strings.Replace(string(want), `content="preview.jpg"`, `content="`+url+`preview.jpg"`, 1)
	if whole == string(want) || body != whole || res.Header.Get("Cross-Origin-Opener-Policy") != "same-origin" {
		t.Errorf("the page: %s %v", res.Status, res.Header)
	}
	if again, _ := get("", res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("the page again: %s", again.Status)
	}
	if res, body := get("dit8/default.dit8", ""); res.StatusCode != 200 || len(body) < 1e6 {
		t.Errorf("the model: %s, %d bytes", res.Status, len(body))
	}
	if _, body := get("v1/images?prompt=fox&seed=1&steps=4&guidance=1", ""); !strings.Contains(body, weightstest.Pixels(t)[0].SHA256) {
		t.Error("not the golden image")
	}
	var out, errs bytes.Buffer
	if c := run([]string{"serve", "-check", url + "healthz"}, nil, &out, &errs); c != 0 {
		t.Errorf("-check: exit %d, %s", c, &errs)
	}
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	if c := <-code; c != 0 {
		t.Errorf("exit %d: %s", c, &log)
	}
	if c := run([]string{"serve", "-check", url + "healthz"}, nil, &out, &errs); c != 1 {
		t.Errorf("-check of none: exit %d", c)
	}
}
