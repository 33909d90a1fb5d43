package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dit8/core"
)

// order is that in which requests of clients, each a letter, have their turns; ! is one that is refused.
func order(t *testing.T, q *queue, clients ...string) string {
	t.Helper()
	first := &waiter{ctx: context.Background(), client: clients[0]}
	if v := q.enter(first); v.err != nil {
		t.Fatal(v.err)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	got := []string{clients[0]}
	for i, c := range clients[1:] {
		all.Go(func() {
			v := q.enter(&waiter{ctx: context.Background(), client: c})
			mu.Lock()
			defer mu.Unlock()
			if v.err != nil {
				got = append(got, c+"!")
				return
			}
			got = append(got, c)
			q.leave(time.Millisecond, 1)
		})
		until(t, func() bool {
			_, waiting := q.load()
			mu.Lock()
			defer mu.Unlock()
			refused := strings.Count(strings.Join(got, ""), "!")
			return waiting+refused == i+1
		})
	}
	q.leave(time.Millisecond, 1)
	all.Wait()
	return strings.Join(got, "")
}

// Clients take turns, and a full queue refuses those of whom most wait.
func TestFairOrder(t *testing.T) {
	for _, c := range []struct{ clients, want string }{
		{"aaaa", "aaaa"},
		{"aaaab", "abaaa"},
		{"aaaabbb", "abababa"},
		{"abcabc", "abcabc"},
		{"aaaaab", "a" + "a!" + "baaa"}, // four wait: b, who has none, has a's last one refused
		{"aaaaaa", "a" + "a!" + "aaaa"},
		{"aaabbc", "a" + "a!" + "bcab"},
		{"abcdee", "a" + "e!" + "bcde"}, // each has one
	} {
		room := 100
		if strings.Contains(c.want, "!") {
			room = 4
		}
		if got := order(t, newQueue(room), strings.Split(c.clients, "")...); got != c.want {
			t.Errorf("%s: %s, want %s", c.clients, got, c.want)
		}
	}
}

// One who asks again as soon as he is answered does not hold up another for ever.
func TestNoStarving(t *testing.T) {
	q := newQueue(4)
	q.enter(&waiter{ctx: context.Background(), client: "a"})
	served := make(chan string, 100)
	var all sync.WaitGroup
	for _, c := range []string{"b", "c", "b", "c"} {
		all.Go(func() {
			if v := q.enter(&waiter{ctx: context.Background(), client: c}); v.err == nil {
				served <- c
				q.leave(0, 1)
			}
		})
	}
	until(t, func() bool { _, waiting := q.load(); return waiting == 4 })
	q.leave(0, 1)
	all.Wait()
	if got := []string{<-served, <-served}; got[0] == got[1] {
		t.Errorf("%v first", got)
	}
}

// counting is a generator that tells how many requests it is given at a time.
type counting struct {
	held
	mu    *sync.Mutex
	sizes *[]int
}

func (g counting) GenerateAll(ctx context.Context, reqs []core.Request) ([]*core.Result, error) {
	g.mu.Lock()
	*g.sizes = append(*g.sizes, len(reqs))
	g.mu.Unlock()
	return g.held.GenerateAll(ctx, reqs)
}

func (g counting) Together() int { return 4 }

// What waits and goes the same way is computed at once, with the bytes that it has alone; what does not is not.
func TestBatching(t *testing.T) {
	urls := []string{"/v1/images?class=fox&seed=1", "/v1/images?class=panda&seed=2", "/v1/images?class=fox&seed=3&steps=3", "/v1/images?class=fox&seed=4", "/v1/images?class=panda&seed=5", "/v1/images?class=panda&seed=6"}
	plain := New(generator(t), Config{Limits: testLimits})
	var want []string
	for _, u := range urls {
		want = append(want, call(plain, "GET", u, "").Body.String())
	}
	limits := testLimits
	limits.Batch, limits.Waiting = 8, 8
	g := counting{held{generator(t), make(chan struct{}, 99), make(chan struct{})}, &sync.Mutex{}, &[]int{}}
	h := New(g, Config{Limits: limits})
	var all sync.WaitGroup
	ask := func(i int, ctx context.Context) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", urls[i], nil).WithContext(ctx))
		return w
	}
	all.Go(func() { call(h, "GET", "/v1/images?class=fox&seed=9", "") }) // computes while the others come
	<-g.started
	ctx, leave := context.WithCancel(context.Background())
	for i := range urls {
		all.Go(func() {
			switch w := ask(i, context.Background()); {
			case w.Code != 200 || w.Body.String() != want[i]:
				t.Errorf("%s: %d, other bytes than alone", urls[i], w.Code)
			}
		})
		until(t, func() bool { _, waiting := h.Load(); return waiting == i+1 })
	}
	all.Go(func() { // one who goes before it is his turn
		if w := ask(0, ctx); w.Code != 499 {
			t.Errorf("gone: %d", w.Code)
		}
	})
	until(t, func() bool { _, waiting := h.Load(); return waiting == len(urls)+1 })
	leave()
	until(t, func() bool { _, waiting := h.Load(); return waiting == len(urls) })
	close(g.step)
	all.Wait()
	if want := []int{4}; !slices.Equal(*g.sizes, want) { // 1, 2, 4 and 5; then the one of two steps, and 6
		t.Errorf("batches of %v, want %v", *g.sizes, want)
	}
	if computing, waiting := h.Load(); computing != 0 || waiting != 0 {
		t.Errorf("%d compute, %d wait", computing, waiting)
	}
}

// A request that fails fails alone.
func TestBatchError(t *testing.T) {
	limits := testLimits
	limits.Batch, limits.Waiting = 8, 8
	g := counting{held{generator(t), make(chan struct{}, 99), make(chan struct{})}, &sync.Mutex{}, &[]int{}}
	h := New(failing{g}, Config{Limits: limits})
	var all sync.WaitGroup
	codes := make([]int, 3)
	all.Go(func() { codes[0] = call(h, "GET", "/v1/images?class=fox&seed=9", "").Code })
	<-g.started
	for i := range 2 {
		all.Go(func() { codes[i+1] = call(h, "GET", fmt.Sprint("/v1/images?class=fox&seed=", i), "").Code })
	}
	until(t, func() bool { _, waiting := h.Load(); return waiting == 2 })
	close(g.step)
	all.Wait()
	if fmt.Sprint(codes) != "[200 200 200]" {
		t.Errorf("%v", codes)
	}
}

type failing struct{ counting }

func (failing) GenerateAll(context.Context, []core.Request) ([]*core.Result, error) {
	panic("a batch")
}

// A client's images fill up again in a minute; those of others are theirs.
func TestQuota(t *testing.T) {
	limits := testLimits
	limits.PerMinute = 3
	h := New(generator(t), Config{Limits: limits, Tokens: []string{"one", "two"}})
	now := time.Unix(0, 0)
	h.quota.now = func() time.Time { return now }
	ask := func(token string, n int) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", fmt.Sprintf("/v1/images?class=fox&n=%d", n), nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for i, c := range []struct {
		token      string
		n, after   int // seconds
		code       int
		retryAfter string
	}{
		{"one", 2, 0, 200, ""},
		{"one", 2, 0, 429, "21"},
		{"one", 1, 0, 200, ""},
		{"one", 1, 0, 429, "21"},
		{"two", 2, 0, 200, ""},
		{"one", 1, 20, 200, ""},
		{"one", 1, 10, 429, "11"},
		{"one", 2, 600, 200, ""},
		{"one", 2, 0, 429, "21"},
	} {
		now = now.Add(time.Duration(c.after) * time.Second)
		w := ask(c.token, c.n)
		if w.Code != c.code || w.Header().Get("Retry-After") != c.retryAfter {
			t.Errorf("%d: %d, Retry-After %s: %.200s", i, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
		if c.code == 429 && !strings.Contains(w.Body.String(), "3 images a minute") {
			t.Errorf("%d: %s", i, w.Body)
		}
	}
}

// Requests name their model, and an address keeps it.
func TestModels(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits}, worded(t))
	list := call(h, "GET", "/v1/models", "").Body.String()
	first, second := h.models[0], h.models[1]
	if first.Info().Name == second.Info().Name {
		t.Fatalf("both are %s", first.Info().Name)
	}
	for _, m := range h.models {
		if !strings.Contains(list, `"id":"`+m.Info().Name+`"`) {
			t.Errorf("%s is not in %s", m.Info().Name, list)
		}
		if w := call(h, "GET", "/v1/models/"+m.Info().Name, ""); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	w := call(h, "GET", "/v1/images?prompt=fox&seed=random&model="+second.Info().Name, "")
	if w.Code != 302 || !strings.Contains(w.Header().Get("Location"), "model="+second.file()) {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	alone := call(New(worded(t), Config{Limits: testLimits}), "GET", "/v1/images?prompt=fox", "").Body.String()
	if w := call(h, "GET", "/v1/images?prompt=fox&model="+second.Info().Name, ""); w.Code != 200 || w.Body.String() != alone {
		t.Errorf("%d: other bytes than of the model alone", w.Code)
	}
	if w := call(h, "GET", "/v1/images?prompt=fox&model=third", ""); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
	if w := call(h, "GET", "/v1/images?class=fox", ""); w.Code != 200 || w.Body.String() == alone {
		t.Errorf("%d: not the first model's", w.Code)
	}
}
