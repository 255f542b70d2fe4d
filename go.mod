module github.com/iomeeting/iomeeting-go

go 1.25

require github.com/google/go-querystring v1.2.0
