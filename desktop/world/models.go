package world

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dit8/weights"
)

// Listed is a model that may be chosen.
type Listed struct {
	Name string
	Path string // "" is the built-in one
}

const (
	builtIn = "the built-in model"
	// maxListed is how many a window of the least height has room for. Others are opened as files.
	maxListed = 20
)

// Models are the built-in one, the open one, and the .dit8 files of the folder of models, by
// name; without such a folder those beside the open file. at is the open one's place.
func (w *World) Models() (list []Listed, at int) {
	list = []Listed{{Name: builtIn}}
	dir, open := w.Settings.Models, w.model.Path
	if dir == "" && open != "" {
		dir = filepath.Dir(open)
	}
	if dir != "" {
		entries, _ := os.ReadDir(dir) // of one that is gone there are none
		for _, e := range entries {
			if name, ok := strings.CutSuffix(e.Name(), ".dit8"); ok && !e.IsDir() && len(list) < maxListed {
				list = append(list, Listed{name, filepath.Join(dir, e.Name())})
			}
		}
	}
	is := func(l Listed) bool { return l.Path == open }
	if !slices.ContainsFunc(list, is) {
		list = append(list, Listed{strings.TrimSuffix(filepath.Base(open), ".dit8"), open})
	}
	return list, slices.IndexFunc(list, is)
}

// Choose opens a model of the list.
func (w *World) Choose(l Listed) {
	if l.Path == "" {
		w.openBuiltIn()
	} else {
		w.OpenFile(l.Path)
	}
}

func (w *World) openBuiltIn() {
	w.Open(&Source{Name: builtIn, ReadCloser: io.NopCloser(bytes.NewReader(weights.DefaultBytes()))})
}
