module github.com/iomeeting/iomeeting-go/faults

go 1.25

require (
	github.com/iomeeting/iomeeting-go v0.0.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/net v0.48.0
)

require (
	github.com/google/go-querystring v1.2.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/text v0.32.0 // indirect
)

replace github.com/iomeeting/iomeeting-go => ../
