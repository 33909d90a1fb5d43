package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dit8/internal/atomicfile"
)

// made is the time of files in archives: the same content gives the same archive.
var made = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// pack makes an archive of a folder beside it: zip for Windows, tar.gz for the others. It
// returns its path.
func pack(folder string) (string, error) {
	path, write := folder+".tar.gz", tarGz
	if strings.Contains(filepath.Base(folder), "-windows-") {
		path, write = folder+".zip", zipped
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	var files []string
	for _, e := range entries {
		files = append(files, e.Name())
	}
	_, err = atomicfile.Write(path, func(w io.Writer) error { return write(w, folder, files) })
	return path, err
}

// mode is a packed file's.
func mode(name string) os.FileMode {
	if strings.TrimSuffix(name, ".exe") == "dit8" {
		return 0o755
	}
	return 0o644
}

func tarGz(w io.Writer, folder string, files []string) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, name := range files {
		st, err := os.Stat(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		h := &tar.Header{Name: filepath.Base(folder) + "/" + name, Mode: int64(mode(name)), Size: st.Size(), ModTime: made, Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if err := copyFile(t, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func zipped(w io.Writer, folder string, files []string) error {
	z := zip.NewWriter(w)
	for _, name := range files {
		h := &zip.FileHeader{Name: filepath.Base(folder) + "/" + name, Method: zip.Deflate, Modified: made}
		h.SetMode(mode(name))
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if err := copyFile(f, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return z.Close()
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
