.PHONY: build test generate generate-check lint
build:
	go build -o bin/ ./...
test:
	go test ./...

TOOL = go tool -modfile=go.tool.mod

# Generated files are committed; generate-check proves that they are current.
generate:
	rm -f proto/signing/v1/*.pb.go
	$(TOOL) buf generate
	go generate ./...

generate-check: generate
	git diff --exit-code

lint:
	$(TOOL) buf lint
	$(TOOL) buf format --diff --exit-code
	$(TOOL) staticcheck ./...
