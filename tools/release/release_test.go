package main

import (
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// Two programs, of which one is for Windows, are packed with their licences, and the sums and the bill are right.
func TestRelease(t *testing.T) {
	t.Chdir("../..")
	if _, err := os.Stat("web/node_modules/zstddec"); err != nil {
		t.Skip("the page's packages are not installed: make web")
	}
	dir := t.TempDir()
	program, err := os.ReadFile(os.Args[0]) // which has a build's information in it, as dit8 has
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"dit8-1.2.3-linux-amd64/dit8", "dit8-1.2.3-windows-amd64/dit8.exe"} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, program, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := release("1.2.3", dir); err != nil {
		t.Fatal(err)
	}
	check := exec.Command("sha256sum", "-c", "SHA256SUMS")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil || bytes.Count(out, []byte(": OK")) != 3 {
		t.Errorf("%v: %s", err, out)
	}
	list, err := exec.Command("tar", "-tvzf", filepath.Join(dir, "dit8-1.2.3-linux-amd64.tar.gz")).Output()
	if text := string(list); err != nil || !strings.Contains(text, "-rwxr-xr-x") || !strings.Contains(text, "linux-amd64/LICENSE\n") || !strings.Contains(text, "linux-amd64/THIRD_PARTY\n") {
		t.Errorf("%v: %s", err, text)
	}
	z, err := zip.OpenReader(filepath.Join(dir, "dit8-1.2.3-windows-amd64.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if len(z.File) != 3 || z.File[2].Name != "dit8-1.2.3-windows-amd64/dit8.exe" || z.File[2].UncompressedSize64 != uint64(len(program)) {
		t.Errorf("%d files, %+v", len(z.File), z.File[len(z.File)-1])
	}
	if err := release("9", dir); err == nil || !strings.Contains(err.Error(), "no dit8-9-") {
		t.Error(err)
	}
}

// A bill names a module that is in two programs once, with its licence.
func TestBill(t *testing.T) {
	t.Chdir("../..")
	dep := &debug.Module{Path: "github.com/klauspost/compress", Version: "v1.0.0"}
	infos := []*buildinfo.BuildInfo{{GoVersion: "go1.26.0", Deps: []*debug.Module{dep}}, {GoVersion: "go1.26.0", Deps: []*debug.Module{dep}}}
	inPage = nil
	parts, err := partsOf(infos)
	if err != nil {
		t.Fatal(err)
	}
	text, err := billOf("1.2.3", []byte("model"), parts)
	if err != nil {
		t.Fatal(err)
	}
	var b bill
	if err := json.Unmarshal(text, &b); err != nil || len(b.Components) != 3 || len(b.Dependencies[0].On) != 3 {
		t.Fatalf("%v: %s", err, text)
	}
	if c := b.Components[0]; c.Address != "pkg:golang/github.com/klauspost/compress@v1.0.0" || c.Licences[0].Expression != "Apache-2.0 AND MIT AND BSD-3-Clause" {
		t.Errorf("%+v", c)
	}
	if c := b.Components[1]; c.Address != "pkg:golang/std@1.26.0" || c.Licences[0].Expression != "BSD-3-Clause" {
		t.Errorf("%+v", c)
	}
	if c := b.Components[2]; c.Hashes[0].Content != "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4" {
		t.Errorf("%+v", c)
	}
}
