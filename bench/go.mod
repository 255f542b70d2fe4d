module github.com/iomeeting/iomeeting-go/bench

go 1.25.0

require (
	github.com/google/go-querystring v1.2.0
	github.com/iomeeting/iomeeting-go v0.0.0
	github.com/iomeeting/iomeeting-go/hostpool/redisstore v0.0.0
	github.com/iomeeting/iomeeting-go/stores v0.0.0
	github.com/jackc/pgx/v5 v5.12.0
	github.com/redis/go-redis/v9 v9.22.0
	github.com/valyala/fasthttp v1.71.0
	golang.org/x/sync v0.22.0
	golang.org/x/text v0.41.0
	gonum.org/v1/plot v0.17.0
)

require (
	codeberg.org/go-fonts/liberation v0.5.0 // indirect
	codeberg.org/go-latex/latex v0.2.0 // indirect
	codeberg.org/go-pdf/fpdf v0.11.1 // indirect
	git.sr.ht/~sbinet/gg v0.7.0 // indirect
	github.com/ajstarks/svgo v0.0.0-20211024235047-1546f124cd8b // indirect
	github.com/andybalholm/brotli v1.2.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/golang/freetype v0.0.0-20170609003504-e2365dfdc4a0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/klauspost/compress v1.18.6 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	go.uber.org/atomic v1.11.0 // indirect
	golang.org/x/image v0.30.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/iomeeting/iomeeting-go => ../

replace github.com/iomeeting/iomeeting-go/hostpool/redisstore => ../hostpool/redisstore

replace github.com/iomeeting/iomeeting-go/stores => ../stores
