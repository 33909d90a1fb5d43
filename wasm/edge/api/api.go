package api

import (
	"context"
	"crypto/sha256"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"dit8/core"
)

// Generator makes images, for one request at a time: a *core.Generator, or one
// around it.
type Generator interface {
	Info() core.Info
	ID() string                            // of the model file
	AutoencoderID() string                 // of the autoencoder's, where that is another one
	Autoencoder() (core.Autoencoder, bool) // of a model of latents
	EditTasks() []core.EditTask
	ImageSize() int // pixels, in height and width
	Defaults() core.Request
	Generate(ctx context.Context, req core.Request, onStep func(core.Event)) (*core.Result, error)
	GenerateAll(ctx context.Context, reqs []core.Request) ([]*core.Result, error)
	Together() int // how many images gain from being made at a time
}

// Handler is the API over a model, or several.
type Handler struct {
	models   []*model // the first draws what names none
	config   Config
	tokens   [][sha256.Size]byte
	queue    *queue
	quota    *quota
	decoding sync.Mutex // held while a picture is decoded
	mux      *http.ServeMux
}

// methods are the functions of a path, by method. HEAD is GET.
type methods map[string]func(http.ResponseWriter, *http.Request) error

// New makes the API over a generator, and others that requests may name, of which it uses one
// at a time. Of several of one name it means the first, and the others by their files.
func New(g Generator, c Config, others ...Generator) *Handler {
	h := &Handler{config: c, queue: newQueue(c.Waiting), quota: newQuota(c.PerMinute), mux: http.NewServeMux()}
	for _, g := range append([]Generator{g}, others...) {
		h.models = append(h.models, &model{g})
	}
	for _, t := range c.Tokens {
		h.tokens = append(h.tokens, sha256.Sum256([]byte(t)))
	}
	for path, m := range h.routes() {
		h.mux.Handle(path, h.dispatch(m, strings.HasPrefix(path, version)))
		if short, ok := strings.CutPrefix(path, version); ok { // for clients whose base address lacks it
			h.mux.Handle(short, h.dispatch(m, true))
		}
	}
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.fail(w, r, newProblem(http.StatusNotFound, invalid, "not_found", "", "there is no "+shorten(r.URL.Path)+"; /openapi.json says what there is"))
	})
	return h
}

// version is what the paths of OpenAI's API begin with.
const version = "/v1"

func (h *Handler) routes() map[string]methods {
	return map[string]methods{
		"/v1/images/generations": {http.MethodPost: h.generations},
		"/v1/images/edits":       {http.MethodPost: h.edits},
		"/v1/images/variations":  {http.MethodPost: h.variations},
		"/v1/images":             {http.MethodGet: h.image},
		"/v1/models":             {http.MethodGet: h.listModels},
		"/v1/models/{id...}":     {http.MethodGet: h.oneModel},
		"/healthz":               {http.MethodGet: h.health},
		"/openapi.json":          {http.MethodGet: h.document},
	}
}

func (m methods) allow() string {
	names := slices.Sorted(maps.Keys(m))
	if m[http.MethodGet] != nil {
		names = append(names, http.MethodHead)
	}
	return strings.Join(append(names, http.MethodOptions), ", ")
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.cors(w, r)
	h.mux.ServeHTTP(w, r)
}

// dispatch calls the function of a request's method. Where it is guarded a token is needed,
// if there are any.
func (h *Handler) dispatch(m methods, guarded bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		f := m[method]
		switch {
		case method == http.MethodOptions:
			preflight(w, m.allow())
			return
		case f == nil:
			w.Header().Set("Allow", m.allow())
			h.fail(w, r, newProblem(http.StatusMethodNotAllowed, invalid, "method_not_allowed", "", "the method here is "+m.allow()))
			return
		}
		if guarded {
			if err := h.authorize(r); err != nil {
				h.fail(w, r, err)
				return
			}
		}
		if err := f(w, r); err != nil {
			h.fail(w, r, err)
		}
	})
}
