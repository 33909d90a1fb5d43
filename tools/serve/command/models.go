package command

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dit8/weights"
)

// listed is a model of the page's list, models.json. The page's package reads it; see Sampler.models in sampler.d.ts.
type listed struct {
	Name   string `json:"name"`
	URL    string `json:"url"` // relative to the list
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Draws  string `json:"draws"`
	File   string `json:"file"` // what the command line calls it
	path   string
}

// listModels lists the .dit8 files of a folder by name, but for autoencoders alone. It reads all of each.
func listModels(dir string) ([]listed, error) {
	list := []listed{}
	if dir == "" {
		return list, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".dit8"); ok && !e.IsDir() {
			m := listed{Name: name, URL: "dit8/models/" + url.PathEscape(e.Name()), File: e.Name(), path: filepath.Join(dir, e.Name())}
			network, err := m.read()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.path, err)
			}
			if network {
				list = append(list, m)
			}
		}
	}
	return list, nil
}

// read fills in what the file says, and tells whether it holds a network.
func (m *listed) read() (network bool, err error) {
	f, err := os.Open(m.path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	r, err := weights.NewReader(f)
	if err != nil {
		return false, err
	}
	h := r.Header()
	if !h.HasNetwork() {
		return false, nil
	}
	if n := len(h.Info.Words().Words); n > 0 {
		m.Draws = fmt.Sprintf("what is said in %d words", n)
	} else {
		m.Draws = fmt.Sprintf("%d classes", len(h.Info.Classes))
	}
	if size := h.ImageSize(); size > 0 {
		m.Draws += fmt.Sprintf(", %d×%d pixels", size, size)
	}
	if h.Info.License != "" {
		m.Draws += ", licence " + h.Info.License
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	hash := sha256.New()
	if m.Bytes, err = io.Copy(hash, f); err != nil {
		return false, err
	}
	m.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return true, nil
}

// list is what -list prints.
func list(o options) (string, error) {
	if o.models != "" {
		models, err := listModels(o.models)
		return listText(models), err
	}
	b, err := readBlobs(o.files[0])
	return modelList(b), err
}

func listText(models []listed) string {
	text, _ := json.MarshalIndent(models, "", "  ") // strings and numbers have no errors
	return string(text) + "\n"
}

// serveModels serves the list and its files beside the page.
func serveModels(mux *http.ServeMux, list []listed) {
	text := listText(list)
	mux.HandleFunc("GET /models.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		http.ServeContent(w, r, "models.json", time.Time{}, strings.NewReader(text))
	})
	mux.HandleFunc("GET /dit8/models/{file}", func(w http.ResponseWriter, r *http.Request) {
		i := slices.IndexFunc(list, func(m listed) bool { return m.File == r.PathValue("file") })
		if i < 0 {
			http.NotFound(w, r)
			return
		}
		f, err := os.Open(list[i].path)
		if err != nil {
			http.Error(w, "the model is not there any more", http.StatusNotFound)
			return
		}
		defer f.Close()
		serveModel(w, r, list[i].SHA256, f)
	})
}

// serveModel answers with a model's file, which its hash tells from others.
func serveModel(w http.ResponseWriter, r *http.Request, sha256 string, file io.ReadSeeker) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"`+sha256+`"`)
	http.ServeContent(w, r, "", time.Time{}, file)
}
