package command

import (
	"fmt"

	"dit8/core"
	"dit8/internal/bounded"
	pictures "dit8/internal/picture"
)

// maxPicture bounds the bytes of a picture's file.
const maxPicture = 1 << 28

// readEdit reads the pictures of an edit for a model of images of size pixels.
func (r *requestFlags) readEdit(size int) (*core.Edit, error) {
	e := &core.Edit{Task: core.EditTask(r.edit), Factor: r.factor, Strength: float32(r.strength), Keep: r.keep}
	fit := pictures.Fit(r.fit)
	if err := fit.Check(); err != nil {
		return nil, usageError("-" + err.Error())
	}
	if r.picture == "" {
		return nil, usageError("-image is missing: the picture to edit")
	}
	size = pictures.Side(e, size)
	p, err := readPicture(r.picture)
	if err != nil {
		return nil, err
	}
	if e.Task == core.EditInpaint && r.mask == "" && !p.Transparent() {
		return nil, usageError("-mask is missing: what to paint anew (-image has no transparent part that says it)")
	}
	r.note(r.picture, p.Describe(size, fit))
	p.Into(e, size, fit)
	if r.mask == "" && e.Task != core.EditInpaint {
		return e, nil
	}
	path := r.picture
	if r.mask != "" {
		path = r.mask
		if p, err = readPicture(path); err != nil {
			return nil, err
		}
		r.note(path, p.Describe(size, fit))
	}
	mask, how, err := p.Mask(size, fit)
	if err != nil {
		return nil, usageError(fmt.Sprintf("%s: %v", path, err))
	}
	r.note(path, how)
	e.Mask = mask
	return e, nil
}

// note keeps what has been done with a file, if anything.
func (r *requestFlags) note(path, text string) {
	if text != "" {
		r.notes = append(r.notes, path+": "+text)
	}
}

func readPicture(path string) (*pictures.Picture, error) {
	b, err := bounded.File(path, maxPicture)
	if err != nil {
		return nil, err
	}
	p, err := pictures.Decode(b, pictures.MaxPixels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
