package family

import (
	"math"
	"slices"
	"strings"
	"testing"

	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint"
)

// values is a tensor of a file: each reading gives values of its own.
func values(name string, shape []int, v ...float32) tensor {
	return tensor{Name: name, Shape: shape, Floats: func() ([]float32, error) { return slices.Clone(v), nil }}
}

// numbers is a tensor of distinct values.
func numbers(name string, shape ...int) tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.Sin(float64(len(name)) + 1.7*float64(i)))
	}
	return values(name, shape, v...)
}

func of(t *testing.T, ts ...tensor) *taker {
	t.Helper()
	c, err := checkpoint.Of(ts...)
	if err != nil {
		t.Fatal(err)
	}
	return take(c, Said{GuidedChannels: -1}, "this")
}

// made is what a taker made under a name.
func made(t *testing.T, k *taker, name string, shape ...int) []float32 {
	t.Helper()
	if k.err != nil {
		t.Fatal(k.err)
	}
	x, ok := k.made[name]
	if !ok || !slices.Equal(x.Shape, shape) {
		t.Fatalf("tensor %s: there %v, shape %v, want %v", name, ok, x.Shape, shape)
	}
	v, err := x.Floats()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := x.Floats(); err != nil || !slices.Equal(v, again) {
		t.Errorf("tensor %s: other values the second time, %v", name, err)
	}
	return v
}

func read(t *testing.T, x tensor) []float32 {
	t.Helper()
	v, err := x.Floats()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func equal(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// apply is x·wᵀ + b.
func apply(w, b []float32, x []float64) []float64 {
	y := make([]float64, len(b))
	for i := range y {
		y[i] = float64(b[i])
		for k, v := range x {
			y[i] += float64(w[i*len(x)+k]) * v
		}
	}
	return y
}

func TestRows(t *testing.T) {
	q, k, v := numbers("q.weight", 2, 3), numbers("kk.weight", 2, 3), numbers("vvv.weight", 2, 3)
	bias := values("q.bias", []int{2}, 1, 2)
	file := of(t, q, k, v, bias)
	file.bare = true
	file.rows("qkv", "q", "kk", "vvv")
	equal(t, "weights", made(t, file, "qkv.weight", 6, 3), slices.Concat(read(t, q), read(t, k), read(t, v)))
	equal(t, "biases", made(t, file, "qkv.bias", 6), []float32{1, 2, 0, 0, 0, 0})

	file = of(t, q, k, v, bias)
	if file.rows("qkv", "q", "kk", "vvv"); file.err == nil || !strings.Contains(file.err.Error(), "tensor kk.bias is missing") {
		t.Errorf("no bias: %v", file.err)
	}
	file = of(t, q, numbers("kk.weight", 2, 4))
	file.bare = true
	if file.rows("qkv", "q", "kk"); file.err == nil || !strings.Contains(file.err.Error(), "tensor kk.weight: shape is [2 4], expected rows of [3], as those of q.weight") {
		t.Errorf("other rows: %v", file.err)
	}
}

func TestSplit(t *testing.T) {
	w, b := numbers("w12.weight", 4, 3), numbers("w12.bias", 4)
	file := of(t, w, b)
	file.split("w12", "w1", "w3")
	equal(t, "w1", made(t, file, "w1.weight", 2, 3), read(t, w)[:6])
	equal(t, "w3", made(t, file, "w3.weight", 2, 3), read(t, w)[6:])
	equal(t, "bias of w3", made(t, file, "w3.bias", 2), read(t, b)[2:])
	file = of(t, numbers("w12.weight", 5, 3), numbers("w12.bias", 5))
	if file.split("w12", "w1", "w3"); file.err == nil || !strings.Contains(file.err.Error(), "a multiple of 2 rows") {
		t.Errorf("five rows: %v", file.err)
	}
}

// x·g·(1+s) = x·(1+s'): a head with the weights of its norms computes the same.
func TestHead(t *testing.T) {
	const d = 3
	g1, g2 := numbers("norm1.weight", d), numbers("norm_two.weight", d)
	w, b := numbers("head.weight", 6*d, d), numbers("head.bias", 6*d)
	file := of(t, g1, g2, w, b)
	file.head("head", "head", map[int]string{1: "norm1.weight", 4: "norm_two.weight"})
	c := []float64{0.3, -0.7, 0.2}
	was := apply(read(t, w), read(t, b), c)
	is := apply(made(t, file, "head.weight", 6*d, d), made(t, file, "head.bias", 6*d), c)
	for i := range is {
		want := was[i]
		switch chunk, j := i/d, i%d; chunk {
		case 1:
			want = float64(read(t, g1)[j])*(1+want) - 1
		case 4:
			want = float64(read(t, g2)[j])*(1+want) - 1
		}
		if math.Abs(is[i]-want) > 1e-6 {
			t.Errorf("output %d is %v, want %v", i, is[i], want)
		}
	}
	file = of(t, numbers("norm1.weight", d+1), w, b)
	if file.head("head", "head", map[int]string{4: "norm1.weight"}); file.err == nil || !strings.Contains(file.err.Error(), "chunks of 4 rows") {
		t.Errorf("a norm of another width: %v", file.err)
	}
}

// A head without shifts is one whose shifts are zeros.
func TestShiftless(t *testing.T) {
	const d = 2
	w, b, g := numbers("head.weight", 4*d, d), numbers("head.bias", 4*d), values("norm.weight", []int{d}, 1, 1)
	file := of(t, w, b, g)
	file.shiftless("head", "head", map[int]string{1: "norm.weight", 4: "norm.weight"})
	weights, zero := read(t, w), make([]float32, d*d)
	equal(t, "weights", made(t, file, "head.weight", 6*d, d), slices.Concat(zero, weights[:8], zero, weights[8:]))
	for i, v := range made(t, file, "head.bias", 6*d) {
		if want := slices.Concat(zero[:d], read(t, b)[:4], zero[:d], read(t, b)[4:])[i]; math.Abs(float64(v-want)) > 1e-6 {
			t.Errorf("bias %d is %v, want %v", i, v, want)
		}
	}
}

func TestFixed(t *testing.T) {
	file := of(t, values("norm.weight", []int{2}, 3, 4), values("scale", []int{2}, 5, 6))
	file.fixed("modulation", 2, vector{}, vector{"norm.weight", true}, vector{name: "scale"})
	equal(t, "modulation", made(t, file, "modulation", 6), []float32{0, 0, 2, 3, 5, 6})
}

// Two linear maps in one compute what they compute one after the other.
func TestProduct(t *testing.T) {
	w1, w2, b2 := numbers("one.weight", 4, 3, 2, 2), numbers("second.weight", 5, 4, 1, 1), numbers("second.bias", 5)
	x := []float64{1, -2, 3, 0.5, 0.25, -1, 2, 4, -3, 1, 0, 1}
	for _, b1 := range []tensor{numbers("one.bias", 4), values("one.bias", []int{4}, 0, 0, 0, 0)} {
		ts := []tensor{w1, w2, b2}
		if read(t, b1)[0] != 0 { // else it's absent
			ts = append(ts, b1)
		}
		file := of(t, ts...)
		file.product("proj", "second", "one")
		got := apply(made(t, file, "proj.weight", 5, 3, 2, 2), made(t, file, "proj.bias", 5), x)
		want := apply(read(t, w2), read(t, b2), apply(read(t, w1), read(t, b1), x))
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-5 {
				t.Errorf("output %d is %v, want %v", i, got[i], want[i])
			}
		}
		file.done("this")
		if file.err != nil {
			t.Error(file.err)
		}
	}
	file := of(t, w1, numbers("second.weight", 5, 3), b2)
	if file.product("proj", "second", "one"); file.err == nil || !strings.Contains(file.err.Error(), "tensor second.weight: shape is [5 3], expected [D 4]") {
		t.Errorf("maps that do not fit: %v", file.err)
	}
}

// A table of positions is shared out among the tokens in front and the image's.
func TestTokens(t *testing.T) {
	a, b, pos := values("a", []int{1, 2}, 1, 2), values("b", []int{1, 2, 2}, 3, 4, 5, 6), values("pos", []int{1, 4, 2}, 10, 20, 30, 40, 50, 60, 70, 80)
	file := of(t, a, b, pos)
	file.tokens("context_embed", "a", "b")
	equal(t, "tokens", made(t, file, "context_embed", 1, 3, 2), []float32{1, 2, 3, 4, 5, 6})
	file.positions("pos_embed", "context_embed", "pos")
	equal(t, "tokens with their positions", made(t, file, "context_embed", 1, 3, 2), []float32{11, 22, 33, 44, 55, 66})
	file.zero("none", 1, 2)
	equal(t, "a table that the file has not", made(t, file, "none", 1, 2), []float32{0, 0})
	equal(t, "positions of the image", made(t, file, "pos_embed", 1, 1, 2), []float32{70, 80})
}

func TestSkipAndDone(t *testing.T) {
	file := of(t, numbers("projectors.0.weight", 2), numbers("projectors.1.bias", 2), numbers("x", 1))
	file.same("x", "x")
	file.skip("projectors.*", "they are for training")
	file.skip("logvar.*", "they are for training")
	file.done("this")
	if file.err != nil || !slices.Equal(file.notes, []string{"2 tensors projectors.* are left out: they are for training"}) {
		t.Errorf("%v, notes %q", file.err, file.notes)
	}
	file = of(t, numbers("x", 1))
	if file.done("a DiT of depth 2"); file.err == nil || file.err.Error() != "tensor x: unexpected, a DiT of depth 2 has none of this name (-ignore 'x' leaves it out)" {
		t.Errorf("a tensor that was not taken: %v", file.err)
	}
	file.note("after a mistake")
	if m, err := file.model(dit.Config{}, flow.Convention{}); err != file.err || len(m.Notes) != 0 {
		t.Errorf("the first mistake is %v, got %v and the notes %q", file.err, err, m.Notes)
	}
}
