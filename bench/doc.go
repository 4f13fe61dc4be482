// Package bench measures what a cache costs beside its physical reference: the same work done with the plain client and
// codec, on the same server, in the same run and turn about. It starts a redis-server of its own:
//
//	go test -bench . -count 5 ./bench
//
// Each benchmark reports its own ns/op, the reference's as ref-ns/op, and their ratio as x-ref, which is what to go by:
// times move with the machine and what else it does. ns/op of the testing package is of both together.
package bench
