module github.com/cachet-go/cachet/examples/quickstart

go 1.26.0

require (
	github.com/cachet-go/cachet v0.0.0
	github.com/redis/go-redis/v9 v9.23.0
	github.com/stretchr/testify v1.12.1
	modernc.org/sqlite v1.46.0
)

replace github.com/cachet-go/cachet => ../..
