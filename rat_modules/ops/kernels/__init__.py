"""Triton kernels, one file per op and under the op's name; nothing else imports triton."""
