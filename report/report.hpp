#pragma once
// The whole room: measures, pictures, curves and the report that shows them.

#include <xgrad/report/evaluation.hpp>
#include <xgrad/report/figures.hpp>
#include <xgrad/report/graph.hpp>
#include <xgrad/report/live.hpp>
#include <xgrad/report/metrics.hpp>
#include <xgrad/report/picture.hpp>
#include <xgrad/report/plot.hpp>
#include <xgrad/report/progress.hpp>
#include <xgrad/report/run.hpp>
