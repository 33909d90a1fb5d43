package autoencoder

import (
	"context"
	"fmt"
	"testing"

	"dit8/core/compute/native"
)

// The decoders of Stable Diffusion and TAESD, with random weights, at 256×256 and 512×512
// pixels.
func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		name string
		Config
	}{
		{"sd", SDDecoder()},
		{"taesd", TAESDDecoder()},
	} {
		for _, size := range []int{32, 64} {
			b.Run(fmt.Sprintf("%s/%d", c.name, 8*size), func(b *testing.B) {
				dev, err := native.New("", 0)
				if err != nil {
					b.Fatal(err)
				}
				m := open(b, dev, c.Config)
				z, out := wave(4*size*size), make([]float32, 3*64*size*size)
				macs := m.decoding(size, size).work()
				b.ResetTimer()
				for range b.N {
					if err := m.Decode(context.Background(), out, z, size, size, nil); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(macs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
			})
		}
	}
}
