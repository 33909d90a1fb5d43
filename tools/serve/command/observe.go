package command

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dit8/wasm/edge/api"
)

// newLogger writes to w what the level says.
func newLogger(level string, w io.Writer) (*slog.Logger, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo}
	l, ok := levels[level]
	if level == "off" {
		return slog.New(slog.DiscardHandler), nil
	}
	if !ok {
		return nil, fmt.Errorf("-log is %q, allowed: debug, info and off", level)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// metrics are what Prometheus reads.
type metrics struct {
	registry       *prometheus.Registry
	requests       *prometheus.CounterVec   // by path, method and code
	seconds        *prometheus.HistogramVec // by path
	images, steps  prometheus.Counter
	batched, loads prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dit8_requests_total", Help: "Requests answered."}, []string{"path", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dit8_request_seconds", Help: "Time from a request's header to the end of its answer.", Buckets: prometheus.ExponentialBuckets(0.002, 2, 15),
		}, []string{"path"}),
		images:  prometheus.NewCounter(prometheus.CounterOpts{Name: "dit8_images_total", Help: "Images made."}),
		steps:   prometheus.NewCounter(prometheus.CounterOpts{Name: "dit8_steps_total", Help: "Steps computed, each of all images of a batch."}),
		batched: prometheus.NewCounter(prometheus.CounterOpts{Name: "dit8_batched_total", Help: "Requests computed in one batch with others."}),
		loads:   prometheus.NewCounter(prometheus.CounterOpts{Name: "dit8_model_loads_total", Help: "Times that a model came into memory."}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.images, m.steps, m.batched, m.loads,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// watch adds how busy the API is.
func (m *metrics) watch(a *api.Handler) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "dit8_computing", Help: "Requests that compute: one, or those of a batch."}, func() float64 {
			computing, _ := a.Load()
			return float64(computing)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "dit8_waiting", Help: "Requests that wait for their turn."}, func() float64 {
			_, waiting := a.Load()
			return float64(waiting)
		}))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// observed logs and counts what h answers.
func observed(h http.Handler, logger *slog.Logger, m *metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		s := &seen{ResponseWriter: w, control: http.NewResponseController(w), status: http.StatusOK}
		if r.Body != http.NoBody {
			s.control.SetReadDeadline(start.Add(bodyTime))
			r.Body = timed{r.Body, s.control}
		}
		// also where the handler panics, which the server ends the connection for
		defer func() {
			s.hurry() // what is held back is to be written
			took := time.Since(start)
			path, level := r.Pattern, slog.LevelInfo
			if path == "" {
				path = "other"
			}
			if strings.HasPrefix(path, "GET ") { // the page's: it has no other methods
				level = slog.LevelDebug
			}
			m.requests.WithLabelValues(path, method(r), strconv.Itoa(s.status)).Inc()
			m.seconds.WithLabelValues(path).Observe(took.Seconds())
			logger.LogAttrs(r.Context(), level, "request", append([]slog.Attr{
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", s.status), slog.Int64("bytes", s.bytes),
				slog.Int64("ms", took.Milliseconds()), slog.String("remote", r.RemoteAddr),
			}, traced(r.Header.Get("Traceparent"))...)...)
		}()
		h.ServeHTTP(s, r)
	})
}

// traceparent is a trace's header: version, trace, parent and flags
// (https://www.w3.org/TR/trace-context/#traceparent-header). Later versions may have more.
var traceparent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$`)

// traced are what the log says of the trace that a request is part of; nothing where the
// header is not there, or not valid.
func traced(header string) []slog.Attr {
	p := traceparent.FindStringSubmatch(header)
	if p == nil || p[1] == "ff" || p[1] == "00" && p[4] != "" || strings.Trim(p[2], "0") == "" || strings.Trim(p[3], "0") == "" {
		return nil
	}
	return []slog.Attr{slog.String("trace_id", p[2]), slog.String("parent_id", p[3])}
}

// method is a request's method where it is a usual one, so that there are few.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// seen remembers an answer's status and length, and gives a client a time to take
// each piece.
type seen struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
	begun   bool
}

func (s *seen) WriteHeader(status int) {
	if !s.begun {
		s.begun, s.status = true, status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *seen) Write(b []byte) (int, error) {
	s.begun = true
	s.hurry()
	n, err := s.ResponseWriter.Write(b)
	s.bytes += int64(n)
	return n, err
}

// hurry gives the client writeTime from now on. The errors of connections that have no
// deadlines do not matter, here and below.
func (s *seen) hurry() { s.control.SetWriteDeadline(time.Now().Add(writeTime)) }

// timed is a body whose deadline ends with it: http.Server.ReadTimeout would go on, and
// cancel requests that compute for longer.
type timed struct {
	io.ReadCloser
	control *http.ResponseController
}

func (t timed) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	if err != nil {
		t.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// Unwrap is for http.ResponseController, which flushes.
func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }
