// Package compute defines what a Diffusion Transformer needs from a machine:
// the Device interface, its memory, and the numeric contract that every device
// keeps so that the same request gives the same bytes everywhere.
//
// # Numeric contract, version 2
//
// A device is a CPU implementation of Device whose outputs equal those of
// package generic bit for bit, for finite inputs. The rules:
//
//   - All real arithmetic is IEEE 754 binary32, rounded to nearest even after
//     every operation. No fused multiply-add, no reassociation, no flushing of
//     subnormal results.
//   - A dot product starts from zero and adds its products in the order of k.
//     Vectorise across outputs, never along the sum.
//   - Row reductions (mean, variance, softmax denominator) use sixteen partial
//     sums: element i goes to partial i mod 16; the partials are folded
//     8, 4, 2, 1 apart (see FoldSum). Maxima are order-free.
//   - Exp, SiLU, GELU and the tanh inside it are the operation sequences of
//     math.go. Behind int8 weights GELU is FastGELU. 1/sqrt(x) is a correctly rounded square root followed by a
//     correctly rounded division.
//   - int8 products are exact in int32. A row x of activations is quantised as
//     s = absmax(x)/127, q = clamp(rne(x·(127/absmax(x))), ±127); a row whose
//     absmax is below MinAbsMax is quantised to zeros with scale 0. An output is
//     float32(acc)·(s·w.Scale[j]) + bias[j], in that order.
//   - Attention with Heads.Int8 is computed in exact integers, as AttentionBlock says.
//   - A float32 Linear output is (Σ_k x[k]·w[j][k]) + bias[j].
//   - A convolution of pixel (y, x) is (Σ x·w) + bias: the sum starts from zero, in the
//     order of the kernel's rows, its columns, the channels. Taps outside of the picture
//     are zeros; leaving them out gives the same bits. Then the residual is added, then
//     what ReLU does not find above zero becomes +0. With Up it is the convolution of the
//     picture whose pixels are there twice in both directions.
//   - A convolution with int8 weights takes its picture u, after norm and SiLU and before
//     Up, in 12 bits, with one scale for all of it. Let lo and hi be the least and largest
//     value of channel c before the norm and r its factor Smooth; then its bound m is
//     max(-lo, hi), and with a norm the larger of SiLU(max(norm(lo), norm(hi))) and
//     0.2784646. M = max over c of m·r; a picture with M below MinAbsMax is all q = 0 with
//     s = 0; else s = M/2047 and q = rne(u·((2047/M)·r)), which is within ±2047. Taps
//     outside are q = 0, sums Σq·w are exact in int32 and below 2²⁹, for Σ|w| of an output
//     is at most MaxConvSum. An output is float32(sum)·(s·Scale) + bias, in that order;
//     then the residual and ReLU. Winograd's F(2×2, 3×3) with the kernels (2G)·w·(2G)ᵀ gives
//     four times the same sums, exactly (arXiv 1509.09308).
//   - The statistics of a group norm go by rows of pixels, n channels in a group, W pixels
//     in each of H rows: S[y][c] = Σ_x x, in the order of x; m[y] = (Σ_c S)/(W·n), c
//     ascending; V[y] = Σ_c Σ_x (x-m)², each sum likewise; mean = Fold(m)/H and variance =
//     Fold(V + (m-mean)²·(W·n))/(H·W·n), where Fold are the sixteen partial sums over y.
//     A value becomes (x-mean)·a + β with a = (1/√(variance + eps))·γ, and SiLU of that as
//     the input of a convolution.
//   - An RMS norm is x·(1/√(Σx²/n + eps)) with the sum a row reduction; NormRotate
//     multiplies by 1/√…, then by the weight, then turns.
//
// Linear applies its activation after the bias. LinearGate computes
// x + gate·y with the product rounded first. Values that are not finite are
// outside the contract: a device may give any result for them, but must not
// crash or write outside its outputs.
//
// Shapes are row-major and written as [rows, columns]; N is images in a batch,
// T tokens of an image, D the hidden size.
package compute
