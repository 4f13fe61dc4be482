// Package integration has the tests that need a driver of a database, or a connector, which the root module must not.
package integration
