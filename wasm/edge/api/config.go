package api

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"dit8/core"
)

// Config is what whoever runs the server chooses.
type Config struct {
	Tokens  []string // bearer tokens, one of which requests to /v1 need; none: open to all
	Origins []string // of the pages that may read answers; none: all
	Limits
}

// Limits bound what one request may cost, and how many may wait.
type Limits struct {
	Steps   int // model evaluations of a request
	Count   int // images of a request
	Pixels  int // in all images of an answer
	Body    int // bytes of a request's body
	Waiting int // requests that wait while one is computed
	Batch   int // requests that are computed at a time, where that is faster; 0 or 1: each alone

	PerMinute int // images of a client, who is the owner of a token or else has an address; 0: any number
}

// variable is an environment variable that sets a limit.
type variable struct {
	name     string
	to       *int
	low, top int
}

func (l *Limits) variables() []variable {
	return []variable{
		{"DIT8_MAX_STEPS", &l.Steps, 1, core.MaxSteps},
		{"DIT8_MAX_COUNT", &l.Count, 1, core.MaxCount},
		{"DIT8_MAX_PIXELS", &l.Pixels, 1, 1 << 26},
		{"DIT8_MAX_BODY", &l.Body, 1, 1 << 26},
		{"DIT8_MAX_WAITING", &l.Waiting, 0, 10000},
		{"DIT8_MAX_BATCH", &l.Batch, 1, core.MaxCount},
		{"DIT8_IMAGES_PER_MINUTE", &l.PerMinute, 0, 1 << 30},
	}
}

// ConfigFromEnv reads the configuration from environment variables: the limits
// DIT8_MAX_…, and DIT8_TOKENS and DIT8_ORIGINS, lists with commas. Those that are
// empty leave a limit as it is in usual.
func ConfigFromEnv(getenv func(string) string, usual Limits) (Config, error) {
	c := Config{Tokens: list(getenv("DIT8_TOKENS")), Limits: usual}
	var err error
	if c.Origins, err = origins(list(getenv("DIT8_ORIGINS"))); err != nil {
		return c, err
	}
	for _, v := range c.variables() {
		text := getenv(v.name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < v.low || n > v.top {
			return c, fmt.Errorf("%s is %q, allowed: %d to %d", v.name, text, v.low, v.top)
		}
		*v.to = n
	}
	return c, nil
}

// origins brings those of DIT8_ORIGINS to the form that browsers send: a scheme and a host
// in small letters, without a port that is the scheme's own and without a path. * alone
// is all.
func origins(given []string) (all []string, err error) {
	for _, o := range given {
		if o == "*" {
			return nil, nil
		}
		u, err := url.Parse(o)
		if err != nil || u.Scheme == "" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.Contains(u.Host, "*") {
			return nil, fmt.Errorf("DIT8_ORIGINS has %q, allowed: * for all, or origins with a scheme and without a path, as https://a.example or http://localhost:8080", o)
		}
		scheme, host := strings.ToLower(u.Scheme), strings.TrimSuffix(strings.ToLower(u.Host), ":")
		if strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }) {
			return nil, fmt.Errorf("DIT8_ORIGINS has %q, allowed: the name as browsers send it, in ASCII, which begins with xn--", o)
		}
		if port := map[string]string{"http": ":80", "https": ":443"}[scheme]; port != "" {
			host = strings.TrimSuffix(host, port)
		}
		all = append(all, scheme+"://"+host)
	}
	return all, nil
}

func list(text string) (items []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
