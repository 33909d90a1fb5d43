package api

import (
	"fmt"
	"net/http"

	"dit8/core"
)

// file identifies what decides the pixels: the model's file, and the autoencoder's where
// that is another one.
func (h *Handler) file() string {
	if vae := h.generator.AutoencoderID(); vae != "" {
		return h.generator.ID() + "." + vae
	}
	return h.generator.ID()
}

// latents says of a model of latents what becomes of them.
func latents(a core.Autoencoder, size int) map[string]any {
	return map[string]any{"channels": a.Config.LatentChannels, "size": size / a.Config.Factor(), "factor": a.Config.Factor(), "autoencoder": a.Config.Kind.String()}
}

// entry describes the model as OpenAI's API does, and which file it is.
func (h *Handler) entry() map[string]any {
	return map[string]any{
		"id": h.generator.Info().Name, "object": "model", "created": 0, "owned_by": "dit8", "file": h.file(),
	}
}

// models answers GET /v1/models.
func (h *Handler) models(w http.ResponseWriter, r *http.Request) error {
	writeTagged(w, r, map[string]any{"object": "list", "data": []any{h.entry()}})
	return nil
}

// model answers GET /v1/models/{id}: what a request may say.
func (h *Handler) model(w http.ResponseWriter, r *http.Request) error {
	info := h.generator.Info()
	if id := r.PathValue("id"); id != info.Name && id != h.file() {
		return newProblem(http.StatusNotFound, invalid, "model_not_found", "model", fmt.Sprintf("there is no model %q; /v1/models lists what there is", shorten(id)))
	}
	m := h.entry()
	m["size"] = fmt.Sprintf("%dx%[1]d", h.generator.ImageSize())
	m["edits"] = append([]core.EditTask{}, h.generator.EditTasks()...)
	if a, ok := h.generator.Autoencoder(); ok {
		m["latents"] = latents(a, h.generator.ImageSize())
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
	m["limits"] = map[string]int{"steps": l.Steps, "n": l.Count, "pixels": l.Pixels, "body": l.Body, "waiting": l.Waiting}
	writeTagged(w, r, m)
	return nil
}

// health answers GET /healthz.
func (h *Handler) health(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, r, http.StatusOK, map[string]any{"status": "ok", "model": h.generator.Info().Name})
	return nil
}
