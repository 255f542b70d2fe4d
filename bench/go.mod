module github.com/iomeeting/iomeeting-go/bench

go 1.25

require (
	github.com/google/go-querystring v1.2.0
	github.com/iomeeting/iomeeting-go v0.0.0
	github.com/valyala/fasthttp v1.71.0
	golang.org/x/sync v0.19.0
	golang.org/x/text v0.34.0
	gonum.org/v1/plot v0.17.0
)

require (
	codeberg.org/go-fonts/liberation v0.5.0 // indirect
	codeberg.org/go-latex/latex v0.2.0 // indirect
	codeberg.org/go-pdf/fpdf v0.11.1 // indirect
	git.sr.ht/~sbinet/gg v0.7.0 // indirect
	github.com/ajstarks/svgo v0.0.0-20211024235047-1546f124cd8b // indirect
	github.com/andybalholm/brotli v1.2.1 // indirect
	github.com/golang/freetype v0.0.0-20170609003504-e2365dfdc4a0 // indirect
	github.com/klauspost/compress v1.18.6 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/image v0.30.0 // indirect
)

replace github.com/iomeeting/iomeeting-go => ../
