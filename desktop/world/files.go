package world

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adrg/xdg"

	"dit8/core"
	"dit8/core/pngfile"
	"dit8/internal/atomicfile"
	"dit8/internal/picture"
)

// OpenFile opens a model or restores a picture by its path. The file of an autoencoder
// alone is put beside the model that is open.
func (w *World) OpenFile(path string) { w.openPair(path, "") }

// openPair is OpenFile with the file of the model's autoencoder, "" for none.
func (w *World) openPair(path, vae string) {
	if path = located(path); path == "" {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		w.complain("%v", err)
		return
	}
	if st, err := f.Stat(); err == nil && !st.Mode().IsRegular() {
		f.Close()
		w.complain("%s is not a file.", path)
		return
	}
	w.Open(&Source{Name: filepath.Base(path), Path: path, VAE: located(vae), ReadCloser: f})
}

// located is the whole path of one that was typed.
func located(path string) string {
	if path = strings.TrimSpace(path); path == "" {
		return ""
	}
	if rest, home := strings.CutPrefix(path, "~"+string(filepath.Separator)); home {
		path = filepath.Join(xdg.Home, rest)
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// Open reads a model, which replaces the open one when all of it is well, or a
// picture: one of ours is made again, any other is started from.
func (w *World) Open(s *Source) {
	w.message = Message{}
	w.submit(&job{open: s})
}

func (w *World) loaded(m Model) {
	first := !w.open
	before := w.Request()
	w.model, w.open = m, true
	w.form.scale, w.form.wrong = core.ModulationScale{Scale: 1}, nil
	w.picture, w.inspect, w.history = nil, nil, nil
	switch {
	case first && w.SetRequest(w.Settings.Request) == nil:
	case !first && w.SetRequest(before) == nil:
	default:
		w.fill(m.Defaults)
	}
	if !first {
		w.say("Opened %s: %s, %d×%d pixels.", m.Info.Name, m.Knows(), m.ImageSize, m.ImageSize)
	}
}

func (w *World) restored(r restored) {
	if err := w.SetRequest(r.meta.Request); err != nil {
		w.complain("%s cannot be made again with this model: %v", r.name, err)
		return
	}
	w.last, w.photo, w.mask = nil, nil, nil // the file is read
	w.Generate()
	w.expect = &expectation{r.name, r.meta}
	w.say("Making %s again…", r.name)
}

// photo is a picture that somebody else made.
type photo struct {
	name string
	*picture.Picture
}

// photographed takes a picture as a mask or to start from.
func (w *World) photographed(p photo) {
	if w.isMask(p) {
		w.masked(p)
	} else {
		w.startFrom(p)
	}
}

// startFrom starts from a photo with what the form says. Of one with transparent parts
// these are painted anew.
func (w *World) startFrom(p photo) {
	edit, size := &core.Edit{Task: core.EditImage}, w.model.ImageSize
	said := p.Describe(size, w.Fit())
	if p.Transparent() && slices.Contains(w.model.Edits, core.EditInpaint) {
		mask, how, err := p.Mask(size, w.Fit())
		if err != nil {
			w.complain("%s: %v", p.name, err)
			return
		}
		edit.Task, edit.Mask = core.EditInpaint, mask
		said = strings.TrimPrefix(said+", "+how, ", ")
	}
	p.Into(edit, size, w.Fit())
	w.last = nil // the file is read
	w.Edit(func(r *core.Request) { r.Edit, r.Count = edit, 1 })
	w.photo, w.mask = &p, nil
	w.Generate()
	if !w.message.Bad {
		w.say("Starting from %s", strings.TrimSuffix(p.name+": "+said, ": ")+".")
	}
}

// Fit is how photos of other shapes become squares.
func (w *World) Fit() picture.Fit { return w.Settings.Fit.Or() }

// SetFit sets it, and takes the photo that the request is of anew.
func (w *World) SetFit(fit picture.Fit) {
	switch w.Settings.Fit = fit; {
	case !w.Photo():
	case w.mask != nil:
		w.masked(*w.mask)
	default:
		w.startFrom(*w.photo)
	}
}

// isMask tells a mask by its file's name; one with transparent parts is a picture itself.
func (w *World) isMask(p photo) bool {
	return strings.Contains(strings.ToLower(p.name), "mask") && !p.Transparent() && slices.Contains(w.model.Edits, core.EditInpaint) && (w.Photo() || w.shown() != nil)
}

// shown is the picture that is shown, where it is a whole one of the model's size.
func (w *World) shown() *Picture {
	if w.picture == nil || !w.picture.Done || w.picture.First().Rect.Dx() != w.model.ImageSize {
		return nil
	}
	return w.picture
}

// masked paints in the photo that was opened last, else in the picture that is shown, where a mask is white.
func (w *World) masked(p photo) {
	size := w.model.ImageSize
	mask, how, err := p.Mask(size, w.Fit())
	if err != nil {
		w.complain("%s: %v", p.name, err)
		return
	}
	edit, of := &core.Edit{Task: core.EditInpaint, Mask: mask}, "the picture"
	if w.Photo() {
		w.photo.Into(edit, size, w.Fit())
		w.mask, of = &p, w.photo.name
	} else {
		pix := w.shown().First().Pix
		for i := 0; i < len(pix); i += 4 {
			edit.Image = append(edit.Image, pix[i:i+3]...)
		}
		edit.Width = size
	}
	w.last = nil // the file is read
	w.Edit(func(r *core.Request) { r.Edit, r.Count = edit, 1 })
	w.Generate()
	if !w.message.Bad {
		w.say("Painting in %s: of %s, %s.", of, p.name, how)
	}
}

// Photo tells whether the request is of a photo that was opened.
func (w *World) Photo() bool { return w.photo != nil && w.Request().Edit != nil }

// Folder is where pictures are saved: the settings', else the user's pictures.
func (w *World) Folder() string {
	switch {
	case w.Settings.Folder != "":
		return w.Settings.Folder
	case isFolder(xdg.UserDirs.Pictures):
		return xdg.UserDirs.Pictures
	}
	return xdg.Home
}

func isFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// SetFolder sets it.
func (w *World) SetFolder(path string) {
	if !isFolder(path) {
		w.complain("%s is not a folder.", path)
		return
	}
	w.Settings.Folder = path
	w.say("Pictures go to %s.", path)
}

// saved tells where a picture went.
type saved struct {
	picture *Picture
	path    string
	err     error
}

// maxSide bounds the pixels along an edge of a saved picture that is enlarged.
const maxSide = 4096

// Save writes the picture as a PNG with its request, each pixel drawn as
// scale×scale, to a new file in the folder. It goes on while the program does.
func (w *World) Save(scale int) {
	p := w.picture
	if p == nil || !p.Done {
		w.complain("There is no finished picture to save.")
		return
	}
	size := p.Grid().Rect.Dx()
	scale = max(1, min(scale, maxSide/size))
	folder := w.Folder()
	go func() {
		path, err := save(folder, p, scale)
		w.engine.post(saved{p, path, err})
	}()
}

func save(folder string, p *Picture, scale int) (string, error) {
	name := picture.Name(p.Request)
	for i := 1; i < 10000; i++ {
		path := filepath.Join(folder, name+".png")
		if i > 1 {
			path = filepath.Join(folder, fmt.Sprintf("%s-%d.png", name, i))
		}
		// The empty file keeps the name from other programs.
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		f.Close()
		_, err = atomicfile.Write(path, func(f io.Writer) error {
			return pngfile.Write(f, core.Grid(p.images, scale), p.Metadata)
		})
		if err != nil {
			os.Remove(path)
			return "", err
		}
		return path, nil
	}
	return "", fmt.Errorf("%s has ten thousand pictures %s", folder, name)
}

func (w *World) saved(e saved) {
	if e.err != nil {
		w.complain("The picture was not saved: %v", e.err)
		return
	}
	w.savedPNG, w.savedAs = e.picture, e.path
	w.say("Saved as %s", e.path)
}
