package autoencoder

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"dit8/core/compute/native"
)

// The decoders of Stable Diffusion and TAESD, with random weights in int8, at 256×256 and
// 512×512 pixels. DIT8_FLOAT=1 takes float32, DIT8_DEVICE and DIT8_THREADS another device.
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
				threads, _ := strconv.Atoi(os.Getenv("DIT8_THREADS"))
				dev, err := native.New(os.Getenv("DIT8_DEVICE"), threads)
				if err != nil {
					b.Fatal(err)
				}
				tensors := RandomInt8(c.Config, 1)
				if os.Getenv("DIT8_FLOAT") != "" {
					tensors = Random(c.Config, 1)
				}
				m := load(b, dev, c.Config, tensors)
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
