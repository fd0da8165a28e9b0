"""Alerts: each rule fired by its fault, and what becomes of an alert afterwards."""
