module dit8

go 1.26.0

require (
	github.com/klauspost/compress v1.20.3
	github.com/syumai/workers v0.33.0
	golang.org/x/image v0.47.0
)

require (
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
