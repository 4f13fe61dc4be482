package main

import (
	"io"
	"strconv"
)

const perMillion = 1

func (r *report) html(io.Writer) error       { return nil }
func (r *report) markdown(io.Writer) error   { return nil }
func (r *report) chart(io.Writer, int) error { return nil }
func thousands(n int64) string               { return strconv.FormatInt(n, 10) }
