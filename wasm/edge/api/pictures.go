package api

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"dit8/core"
	"dit8/core/pngfile"
	"dit8/internal/picture"
)

// Fields of a form with pictures: those of a body in JSON but for edit, and these.
var pictureFields = []string{"factor", "fit", "image", "input_fidelity", "keep", "mask", "strength", "task"}

// form is a form with pictures.
type form struct {
	fields map[string]json.RawMessage
	files  map[string][]byte
}

// edits answers POST /v1/images/edits: a form with a picture, and what to make of it.
func (h *Handler) edits(w http.ResponseWriter, r *http.Request) error { return h.edited(w, r, false) }

// variations answers POST /v1/images/variations: a form with a picture to start from. A
// picture that dit8 made says of what class.
func (h *Handler) variations(w http.ResponseWriter, r *http.Request) error {
	return h.edited(w, r, true)
}

func (h *Handler) edited(w http.ResponseWriter, r *http.Request, variation bool) error {
	f, err := h.readForm(w, r)
	if err != nil {
		return err
	}
	if variation {
		f.own()
	}
	by, err := h.modelOf(f.fields)
	if err != nil {
		return err
	}
	own := make(map[string]json.RawMessage)
	for _, name := range pictureFields {
		if raw, ok := f.fields[name]; ok {
			own[name] = raw
			delete(f.fields, name)
		}
	}
	edit, notes, err := h.formEdit(by, own, f.files, variation)
	if err != nil {
		return err
	}
	if f.fields["edit"], err = json.Marshal(edit); err != nil {
		return err
	}
	a, err := h.parse(f.fields, bodyFields)
	var wrong *core.FieldError
	if errors.As(err, &wrong) { // a form has the fields of edit as its own
		return &core.FieldError{Field: strings.TrimPrefix(wrong.Field, "edit."), Value: wrong.Value, Allowed: wrong.Allowed}
	}
	if err != nil {
		return err
	}
	a.notes, a.event = notes, "image_edit"
	return h.answer(w, r, a)
}

// readForm reads a form. The values of fields are as in a query.
func (h *Handler) readForm(w http.ResponseWriter, r *http.Request) (f form, err error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || r.Body == nil {
		return f, newProblem(http.StatusUnsupportedMediaType, invalid, "unsupported_media_type", "body", "the body must be a form with a picture, with Content-Type: multipart/form-data; pictures in JSON are for edit of /v1/images/generations")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(h.config.Body)))
	if err != nil {
		return f, unread(err)
	}
	f = form{make(map[string]json.RawMessage), make(map[string][]byte)}
	for parts := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		part, err := parts.NextPart()
		if err == io.EOF {
			return f, nil
		}
		if err != nil {
			return f, newProblem(http.StatusBadRequest, invalid, "unreadable_body", "body", "the form is damaged: "+err.Error())
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return f, newProblem(http.StatusBadRequest, invalid, "unreadable_body", "body", "the form is damaged: "+err.Error())
		}
		if err := f.add(strings.TrimSuffix(part.FormName(), "[]"), value); err != nil {
			return f, err
		}
	}
}

// add adds a field or a picture.
func (f form) add(name string, value []byte) error {
	_, field := f.fields[name]
	_, file := f.files[name]
	switch {
	case field || file:
		return &core.FieldError{Field: shorten(name), Value: "given twice", Allowed: "one"}
	case name == "image" || name == "mask":
		f.files[name] = value
	case !slices.Contains(bodyFields, name) && !slices.Contains(pictureFields, name) || name == "edit":
		return &core.FieldError{Field: shorten(name), Value: "unknown", Allowed: strings.Join(slices.Sorted(slices.Values(append(slices.Clone(bodyFields), pictureFields...))), ", ") + ", but not edit"}
	default:
		f.fields[name] = asJSON(name, string(value))
	}
	return nil
}

// own takes from a picture that dit8 made what the form does not say of the classes.
func (f form) own() {
	for _, name := range []string{"prompt", "class", "classes"} {
		if _, said := f.fields[name]; said {
			return
		}
	}
	meta, err := pngfile.ReadMetadata(bytes.NewReader(f.files["image"]))
	if err != nil {
		return
	}
	switch r := meta.Request; {
	case r.Prompt != "":
		f.fields["prompt"], _ = json.Marshal(r.Prompt) // a string has a JSON
		f.fields["style"], _ = json.Marshal(r.Style)
		return
	case r.Class != "":
		f.fields["class"], _ = json.Marshal(r.Class)
		return
	}
	if b, err := json.Marshal(meta.Request.Classes); err == nil {
		f.fields["classes"] = b
	}
}

// formEdit makes an edit of a form's own fields and pictures: inpaint where a mask or the
// picture's transparency says what to paint anew, else a picture to start from.
func (h *Handler) formEdit(by *model, own map[string]json.RawMessage, files map[string][]byte, variation bool) (*core.Edit, []string, error) {
	e := &core.Edit{}
	var fit, fidelity string
	for name, to := range map[string]any{"task": &e.Task, "factor": &e.Factor, "strength": &e.Strength, "keep": &e.Keep, "fit": &fit, "input_fidelity": &fidelity} {
		if raw, ok := own[name]; ok && json.Unmarshal(raw, to) != nil {
			return nil, nil, &core.FieldError{Field: name, Value: shorten(string(raw)), Allowed: "another kind of value"}
		}
	}
	if files["image"] == nil {
		return nil, nil, &core.FieldError{Field: "image", Value: "missing", Allowed: "a picture, " + picture.Formats}
	}
	var notes []string
	p, err := h.picture("image", files["image"])
	if err != nil {
		return nil, nil, err
	}
	marked := p
	if files["mask"] != nil {
		if marked, err = h.picture("mask", files["mask"]); err != nil {
			return nil, nil, err
		}
	}
	if e.Task == "" {
		e.Task = core.EditImage
		if !variation && (files["mask"] != nil || p.Transparent()) {
			e.Task = core.EditInpaint
		}
	}
	if e.Task == core.EditInpaint && files["mask"] == nil && !p.Transparent() {
		return nil, nil, &core.FieldError{Field: "mask", Value: "missing", Allowed: "a picture whose transparent parts are painted anew, or an image with such parts"}
	}
	if e.Task != core.EditInpaint {
		marked = nil
	}
	return e, notes, place(by, e, &notes, p, marked, picture.Fit(fit), "")
}

// picture decodes one. One at a time is: they are large once they are decoded.
func (h *Handler) picture(field string, b []byte) (*picture.Picture, error) {
	h.decoding.Lock()
	defer h.decoding.Unlock()
	p, err := picture.Decode(b, 2*h.config.Body)
	if err != nil {
		return nil, &core.FieldError{Field: field, Value: strconv.Itoa(len(b)) + " bytes", Allowed: "a picture (" + err.Error() + ")"}
	}
	return p, nil
}

// place puts pictures into an edit, at the size of the model's images, and notes how. prefix
// is what the names of fields have before them.
func place(by *model, e *core.Edit, notes *[]string, p, mask *picture.Picture, fit picture.Fit, prefix string) error {
	if err := fit.Check(); err != nil {
		return &core.FieldError{Field: prefix + "fit", Value: strconv.Quote(shorten(string(fit))), Allowed: `"cover", "contain" or "stretch"`}
	}
	size := picture.Side(e, by.ImageSize())
	if p != nil {
		note(notes, "image", p.Describe(size, fit))
		p.Into(e, size, fit)
	}
	if mask == nil {
		return nil
	}
	if mask != p {
		note(notes, "mask", mask.Describe(size, fit))
	}
	bytes, how, err := mask.Mask(size, fit)
	if err != nil {
		return &core.FieldError{Field: prefix + "mask", Value: fmt.Sprintf("%d×%d pixels", mask.Width, mask.Height), Allowed: "a mask with something to paint (" + err.Error() + ")"}
	}
	note(notes, "mask", how)
	e.Mask = bytes
	return nil
}

func note(notes *[]string, what, text string) {
	if text != "" {
		*notes = append(*notes, what+": "+text)
	}
}

// readEdit brings the field edit of a body in JSON to core's form: image and mask may be
// the files of pictures, with or without data: in front, which are fitted.
func (h *Handler) readEdit(by *model, raw json.RawMessage) (json.RawMessage, []string, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return raw, nil, nil // core says what is wrong
	}
	pictures := make(map[string]*picture.Picture)
	for _, name := range []string{"image", "mask"} {
		var text string
		if json.Unmarshal(fields[name], &text) != nil {
			continue
		}
		if _, rest, ok := strings.Cut(text, ";base64,"); ok && strings.HasPrefix(text, "data:") {
			text = rest
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, nil, &core.FieldError{Field: "edit." + name, Value: strconv.Quote(shorten(text)), Allowed: "base64 of pixels or of a picture's file: " + err.Error()}
		}
		if isPicture(b) {
			if pictures[name], err = h.picture("edit."+name, b); err != nil {
				return nil, nil, err
			}
			delete(fields, name)
		}
	}
	if err := h.pixels(fields, pictures["image"] != nil); err != nil {
		return nil, nil, err
	}
	fitted, ok := fields["fit"]
	if len(pictures) == 0 && !ok {
		return raw, nil, nil
	}
	delete(fields, "fit")
	var fit string
	if ok && json.Unmarshal(fitted, &fit) != nil {
		return nil, nil, &core.FieldError{Field: "edit.fit", Value: shorten(string(fitted)), Allowed: `"cover", "contain" or "stretch"`}
	}
	rest, err := json.Marshal(map[string]any{"edit": fields})
	if err != nil {
		return nil, nil, err
	}
	r, err := core.Request{}.WithJSON(rest)
	if err != nil {
		return nil, nil, err
	}
	var notes []string
	if p := pictures["image"]; p != nil && pictures["mask"] == nil && r.Edit.Mask == nil && r.Edit.Task == core.EditInpaint && p.Transparent() {
		pictures["mask"] = p
	}
	if err := place(by, r.Edit, &notes, pictures["image"], pictures["mask"], picture.Fit(fit), "edit."); err != nil {
		return nil, nil, err
	}
	raw, err = json.Marshal(r.Edit)
	return raw, notes, err
}

// pixels refuses an image that is neither a picture's file nor, as a width would say, pixels.
func (h *Handler) pixels(fields map[string]json.RawMessage, isPicture bool) error {
	if isPicture || fields["width"] != nil {
		return nil
	}
	const allowed = "a picture's file, " + picture.Formats + ", or with width pixels, in base64"
	var b []byte
	if json.Unmarshal(fields["image"], &b) != nil || len(fields) < 2 { // core says what is wrong
		return nil
	}
	if len(b) == 0 {
		return &core.FieldError{Field: "edit.image", Value: "missing", Allowed: allowed}
	}
	if _, err := h.picture("edit.image", b); err != nil {
		return err
	}
	return nil
}

// isPicture tells a picture's file from pixels, by how it begins. BMP's two letters may be
// pixels: the file's length, which follows them, says.
func isPicture(b []byte) bool {
	if len(b) > 6 && bytes.HasPrefix(b, []byte("BM")) && int(binary.LittleEndian.Uint32(b[2:])) == len(b) {
		return true
	}
	for _, head := range []string{"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF8", "RIFF"} {
		if bytes.HasPrefix(b, []byte(head)) {
			return true
		}
	}
	return false
}
