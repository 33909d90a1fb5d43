package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"dit8/core"
)

// model is one of those that draw.
type model struct{ Generator }

// is tells whether a request that says name means m: its name, or the id of its file or files.
func (m *model) is(name string) bool { return name == m.Info().Name || name == m.file() }

// choose is the model that a request names; the first for none.
func (h *Handler) choose(name string) (*model, error) {
	if name == "" {
		return h.models[0], nil
	}
	for _, m := range h.models {
		if m.is(name) {
			return m, nil
		}
	}
	return nil, newProblem(http.StatusNotFound, invalid, "model_not_found", "model", fmt.Sprintf("there is no model %q; /v1/models lists what there is", shorten(name)))
}

// modelOf is the model that the fields of a request name.
func (h *Handler) modelOf(fields map[string]json.RawMessage) (*model, error) {
	var name string
	if raw, given := fields["model"]; given && json.Unmarshal(raw, &name) != nil {
		return nil, &core.FieldError{Field: "model", Value: shorten(string(raw)), Allowed: "a string"}
	}
	return h.choose(name)
}

// file identifies what decides the pixels: the model's file, and the autoencoder's where
// that is another one.
func (m *model) file() string {
	if vae := m.AutoencoderID(); vae != "" {
		return m.ID() + "." + vae
	}
	return m.ID()
}

// latents says of a model of latents what becomes of them.
func latents(a core.Autoencoder, size int) map[string]any {
	return map[string]any{"channels": a.Config.LatentChannels, "size": size / a.Config.Factor(), "factor": a.Config.Factor(), "autoencoder": a.Config.Kind.String()}
}

// entry describes the model as OpenAI's API does, and which file it is.
func (m *model) entry() map[string]any {
	return map[string]any{
		"id": m.Info().Name, "object": "model", "created": 0, "owned_by": "dit8", "file": m.file(),
	}
}

// listModels answers GET /v1/models.
func (h *Handler) listModels(w http.ResponseWriter, r *http.Request) error {
	var all []any
	for _, m := range h.models {
		all = append(all, m.entry())
	}
	writeTagged(w, r, map[string]any{"object": "list", "data": all})
	return nil
}

// oneModel answers GET /v1/models/{id}: what a request may say.
func (h *Handler) oneModel(w http.ResponseWriter, r *http.Request) error {
	by, err := h.choose(r.PathValue("id"))
	if err != nil {
		return err
	}
	info, m := by.Info(), by.entry()
	m["size"] = fmt.Sprintf("%dx%[1]d", by.ImageSize())
	m["edits"] = append([]core.EditTask{}, by.EditTasks()...)
	if a, ok := by.Autoencoder(); ok {
		m["latents"] = latents(a, by.ImageSize())
	}
	m["classes"], m["defaults"] = info.Classes, info.Defaults
	m["solvers"], m["schedules"] = info.Solvers(), info.Spacings()
	if v := info.Words(); len(v.Words) > 0 {
		m["words"], m["styles"], m["examples"] = v.Words, v.Styles, info.Vocabulary.Examples
	}
	if info.StepCounts != nil {
		m["step_counts"] = info.StepCounts
	}
	m["source"], m["license"] = info.Source, info.License
	l := h.config.Limits
	m["limits"] = map[string]int{"steps": l.Steps, "n": l.Count, "pixels": l.Pixels, "body": l.Body, "waiting": l.Waiting, "images_per_minute": l.PerMinute}
	writeTagged(w, r, m)
	return nil
}

// health answers GET /healthz.
func (h *Handler) health(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, r, http.StatusOK, map[string]any{"status": "ok", "model": h.models[0].Info().Name})
	return nil
}
