#pragma once
#include <xgrad/train/checkpoint.hpp>
#include <xgrad/train/interrupt.hpp>
#include <xgrad/train/journal.hpp>
#include <xgrad/train/length.hpp>
#include <xgrad/train/trainer.hpp>
